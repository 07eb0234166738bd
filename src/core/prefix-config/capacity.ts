/** Capacity: how much of a series is used up, and when it will be used up at the recent pace. */

import { VALUE_MAX } from '../values/value.ts';
import type { PrefixConfig } from './prefix-config.ts';
import { limitOf } from './prefix-config.ts';

/** The highest value that fits the digits of the format. */
export const widthOf = ({ seqLength }: Pick<PrefixConfig, 'seqLength'>): bigint => {
  const widest = 10n ** BigInt(seqLength) - 1n;
  return widest < VALUE_MAX ? widest : VALUE_MAX;
};

/** What a series is measured against: the width at which its numbers grow longer, and, past that, the limit at which it ends. */
export type Bound = 'width' | 'limit';

export interface Usage {
  readonly bound: Bound;
  /** The highest value below the bound. */
  readonly highest: bigint;
  /** The share of the values between `initialSeq` and the bound that is used, 0 to 1. */
  readonly used: number;
}

type Terms = Pick<PrefixConfig, 'initialSeq' | 'overflow' | 'seqLength'>;

/** How much of the bound that comes next is used at `value`. */
export const usageOf = (value: bigint, config: Terms): Usage => {
  const [width, limit] = [widthOf(config), limitOf(config)];
  const bound: Bound = value < width && width < limit ? 'width' : 'limit';
  const highest = bound === 'width' ? width : limit;
  const { initialSeq } = config;
  // A share of doubles: exact enough for two digits, and a difference of 2^64 fits.
  const used = highest <= initialSeq ? 1 : Number(value - initialSeq) / Number(highest - initialSeq);
  return { bound, highest, used: Math.min(Math.max(used, 0), 1) };
};

/** The shares at which a warning is due, rising. */
export const WARNING_SHARES = [0.8, 0.95] as const;

/** A value at a time. */
interface Mark {
  readonly value: bigint;
  readonly atMs: number;
}

/** How fast a sequence moved lately, over the last half to whole window. Only two marks are kept. */
export interface Pace {
  readonly since: Mark;
  /** Takes the place of `since` when it is half a window old. */
  readonly next: Mark;
  readonly latest: Mark;
}

/** The longest span that a pace covers: a day, so that nights and office hours count alike. */
export const PACE_WINDOW_MS = 86_400_000;
/** A shorter span does not show a pace. */
const PACE_MIN_MS = 60_000;

export const beginPace = (value: bigint, atMs: number): Pace => {
  const mark = { value, atMs };
  return { since: mark, next: mark, latest: mark };
};

/** Takes in where the sequence stands. A clock that was set back, or a lower value (another node's reply was later), changes nothing. */
export const observe = (pace: Pace, value: bigint, atMs: number): Pace => {
  if (atMs < pace.latest.atMs || value < pace.latest.value) return pace;
  const latest = { value, atMs };
  const isHalfOver = atMs - pace.next.atMs >= PACE_WINDOW_MS / 2;
  return isHalfOver ? { since: pace.next, next: latest, latest } : { ...pace, latest };
};

/** Leaves out of the pace what was passed over without being issued. */
export const passOver = (pace: Pace, count: bigint): Pace => {
  const moved = (mark: Mark): Mark => ({ ...mark, value: mark.value + count });
  return { since: moved(pace.since), next: moved(pace.next), latest: moved(pace.latest) };
};

/** Values per ms; undefined in the first minute. */
export const valuesPerMs = ({ since, latest }: Pace): number | undefined => {
  const spanMs = latest.atMs - since.atMs;
  return spanMs < PACE_MIN_MS ? undefined : Number(latest.value - since.value) / spanMs;
};

/** Later dates are not forecast: they are of no use to anyone, and calendars end. */
const HORIZON_MS = 100 * 365.25 * 86_400_000;

/**
 * When a value is reached at this pace, ms since 1970-01-01T00:00:00Z.
 * @returns undefined when it never is, or not within a hundred years; `nowMs` when it is already.
 */
export const reachedAtMs = (value: bigint, highest: bigint, perMs: number, nowMs: number): number | undefined => {
  if (value >= highest) return nowMs;
  if (perMs <= 0) return undefined;
  const waitMs = Number(highest - value) / perMs;
  return waitMs > HORIZON_MS ? undefined : Math.round(nowMs + waitMs);
};
