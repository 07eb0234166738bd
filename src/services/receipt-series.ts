/** What a receipt keeps of a series: enough to print the same numbers again, whatever its config says by then. */
import type { PrefixConfig } from '../core/prefix-config.ts';
import type { Receipt } from '../core/receipt.ts';
import { parseTemplate } from '../core/template.ts';
import { compileTemplate, type GivenVariables } from '../core/template-printer.ts';
import { printInTurns } from './print-in-turns.ts';

interface KeptSeries extends Pick<PrefixConfig, 'format' | 'timeZone' | 'fiscalYearStart'> {
  /** The instant that the date variables show, ms since 1970-01-01T00:00:00Z. */
  readonly instantMs: number;
  readonly variables?: GivenVariables | undefined;
}

/** As JSON, which only `printReceipt` reads. */
export const keepSeries = (
  { format, timeZone, fiscalYearStart }: PrefixConfig,
  instantMs: number,
  variables: GivenVariables | undefined,
): string => JSON.stringify({ format, timeZone, fiscalYearStart, instantMs, variables } satisfies KeptSeries);

/** Prints the numbers of a receipt as they were printed the first time. */
export const printReceipt = (prefixKey: string, { series, ranges }: Receipt): Promise<string[]> => {
  const { format, timeZone, fiscalYearStart, instantMs, variables } = JSON.parse(series) as KeptSeries;
  const sourceAt = compileTemplate(parseTemplate(format), { prefixKey, timeZone, fiscalYearStart });
  return printInTurns(ranges, sourceAt(instantMs)(variables));
};
