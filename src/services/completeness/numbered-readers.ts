/** All ways in which the numbers of a prefix were printed, of which each value had one. */

import { compileReader, type NumberReader, type NumberReading } from '../../core/prefix-config/number-reader.ts';
import { hasMarks, numberingsOf } from '../../core/prefix-config/numbering-times.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import {
  type FormerNumbering,
  formerOf,
  isSameFormer,
  type PrefixHistory,
} from '../../core/prefix-config/prefix-history.ts';
import { isFixedInPeriod } from '../../core/template/period.ts';
import { parseTemplate } from '../../core/template/template.ts';
import { compileSeries } from '../numbers/series.ts';

/** A config as it was, for what it printed. */
export type TimedConfig = PrefixConfig & Pick<FormerNumbering, 'until'>;

/** In the order of time, the present config last. */
const timed = (config: PrefixConfig, history: PrefixHistory | undefined): readonly TimedConfig[] => [
  ...formerOf({ stored: { kind: 'config', config }, history }).map(({ unknown: _, ...former }) => ({
    ...config,
    ...former,
    seqLength: parseTemplate(former.format).seqLength,
  })),
  config,
];

/**
 * Prints the values of a period as they were printed; undefined where their time, or the format of that time, is
 * unknown.
 */
export const printerOfTime = (
  config: PrefixConfig,
  history: PrefixHistory | undefined,
  period: string,
): ((value: bigint) => string | undefined) => {
  const all = timed(config, history);
  const printers = new Map(all.map((one) => [one, compileSeries(one, 0).printerIn(period)]));
  return (value) => {
    const texts = new Set(
      (hasMarks(config) ? numberingsOf(all.slice(0, -1), all.at(-1) ?? config, period, value) : [config]).map((one) =>
        printers.get(one)?.(value),
      ),
    );
    return texts.size === 1 ? [...texts][0] : undefined;
  };
};

export interface NumberedReader {
  /** As it was when it printed so. */
  readonly config: PrefixConfig;
  readonly isPresent: boolean;
  readonly read: NumberReader;
  /** Whether a value of a counter was printed so, was not, or that is unknown. */
  timeOf(reading: NumberReading): 'then' | 'other' | 'unsure';
  /** Whether no other number of the same period and value can have been printed instead: a ledger keeps the text, a counter the value. */
  isTextRemembered(): boolean;
}

/** The readers of a prefix, that of the present format first. */
export const readersOf = (config: PrefixConfig, history: PrefixHistory | undefined): readonly NumberedReader[] => {
  const all = timed(config, history);
  const former = all.slice(0, -1);
  const distinct = former.filter(
    (one, index) => !isSameFormer(one, config) && former.findIndex((earlier) => isSameFormer(earlier, one)) === index,
  );
  const readerOf = (one: TimedConfig): NumberedReader => {
    let reader: NumberReader | undefined;
    return {
      config: one,
      isPresent: one === config,
      read: (number) => {
        // Compiled when it is first needed: most never are.
        reader ??= compileReader(one);
        return reader(number);
      },
      timeOf: ({ period, value }) => {
        if (!hasMarks(one)) return 'then';
        const possible = numberingsOf(former, config as TimedConfig, period, value);
        const same = possible.filter(({ format, reset }) => format === one.format && reset === one.reset);
        if (same.length === 0) return 'other';
        return same.length === possible.length ? 'then' : 'unsure';
      },
      isTextRemembered: () => !hasMarks(one) || isFixedInPeriod(parseTemplate(one.format), one.reset),
    };
  };
  return [config, ...distinct].map(readerOf);
};
