/** What a receipt keeps of a series: enough to print the same numbers again, whatever its config says by then. */
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { compileTemplate, type GivenVariables, type NumberPrinter } from '../../core/template/printer.ts';
import { FORMAT_LENGTH_MAX, parseTemplate } from '../../core/template/template.ts';
import type { Receipt } from '../../core/values/receipt.ts';
import { printInTurns } from './print-in-turns.ts';

interface KeptSeries extends Pick<PrefixConfig, 'format' | 'timeZone'> {
  /** Absent where the format shows none. */
  readonly fiscalYearStart?: string;
  /** The instant that the date variables show, ms since 1970-01-01T00:00:00Z. */
  readonly instantMs: number;
  readonly variables?: GivenVariables | undefined;
}

const NO_FISCAL_YEAR = '01-01';

/** Of numbers that stand in a frame all is known but the digits: what was given, and the date, are in the text. Nodes of earlier versions read it too. */
const freeze = ({ before, width, after }: NonNullable<NumberPrinter['frame']>): string | undefined => {
  const format = `${before}{SEQ:${width}}${after}`;
  return format.length > FORMAT_LENGTH_MAX
    ? undefined
    : `{"format":${JSON.stringify(format)},"timeZone":"UTC","instantMs":0}`;
};

/** As JSON, which only `printReceipt` reads; as short as can be, for stores keep very many. @param print what prints the numbers now. */
export const keepSeries = (
  { format, timeZone, fiscalYearStart }: PrefixConfig,
  instantMs: number,
  variables: GivenVariables | undefined,
  { frame }: NumberPrinter,
): string =>
  (frame && freeze(frame)) ??
  JSON.stringify({ format, timeZone, fiscalYearStart, instantMs, variables } satisfies KeptSeries);

/** Prints the numbers of a receipt as they were printed the first time. */
export const printReceipt = (prefixKey: string, { series, ranges }: Receipt): Promise<string[]> => {
  const { format, timeZone, fiscalYearStart = NO_FISCAL_YEAR, instantMs, variables } = JSON.parse(series) as KeptSeries;
  const sourceAt = compileTemplate(parseTemplate(format), { prefixKey, timeZone, fiscalYearStart });
  return printInTurns(ranges, sourceAt(instantMs)(variables));
};
