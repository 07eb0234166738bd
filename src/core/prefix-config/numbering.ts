/** The collision rules of a prefix, present and former, and when two of them are the same. */
import { z } from 'zod';
import { RESETS, type Reset } from '../template/period.ts';

export const STRATEGIES = ['counter', 'gapless', 'segment', 'snowflake', 'uuidv7'] as const;
export type Strategy = (typeof STRATEGIES)[number];

/** A present or former collision rule: what decides which numbers there can be. */
export interface Numbering {
  readonly format: string;
  readonly strategy: Strategy;
  readonly reset: Reset;
}

/** As it is stored: fields of later versions are kept. */
export const numberingSchema = z.looseObject({
  format: z.string(),
  strategy: z.enum(STRATEGIES),
  reset: z.enum(RESETS),
});

/** Former collision rules that a config itself names; the history of the prefix may have more. */
export const FORMER_MAX = 50;

export const isSameNumbering = (one: Numbering, other: Numbering): boolean =>
  one.strategy === other.strategy && one.reset === other.reset && one.format === other.format;

/** The former collision rules to keep when `next` replaces a config. */
export const formerAfter = (
  current: Numbering & { readonly former?: readonly Numbering[] | undefined },
  next: Numbering,
): readonly Numbering[] => {
  const { format, strategy, reset, former = [] } = current;
  const known = [...former, { format, strategy, reset }].filter((one) => !isSameNumbering(one, next));
  return known.filter((one, index) => known.findIndex((earlier) => isSameNumbering(earlier, one)) === index);
};
