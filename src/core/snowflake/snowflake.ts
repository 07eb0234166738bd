/** Snowflake ids: how they are composed, and what a reading of the clock allows. 63 bits, ordered by time. */

/** 2026-01-01T00:00:00Z: where the clock of the ids begins. */
const SNOWFLAKE_EPOCH_MS = Date.UTC(2026, 0, 1);
export const DATA_CENTRE_MAX = 7;
export const WORKER_MAX = 255;
/** Ids of one worker in one millisecond: 1,024. */
export const SEQUENCE_MAX = 1_023;

/** A clock that stepped back by up to this is waited for, ms. */
export const WAIT_MAX_MS = 5;
/** Up to this, ids continue in the last millisecond; beyond it the worker id is given up, ms. */
export const KEEP_MAX_MS = 1_000;

const SEQUENCE_BITS = 10n;
const WORKER_BITS = 8n;
const DATA_CENTRE_BITS = 3n;
const CLOCK_BITS = 42n;
const WORKER_SHIFT = SEQUENCE_BITS;
const DATA_CENTRE_SHIFT = WORKER_SHIFT + WORKER_BITS;
const CLOCK_SHIFT = DATA_CENTRE_SHIFT + DATA_CENTRE_BITS;
/** The last millisecond an id can carry: in the year 2165. */
const CLOCK_MAX_MS = SNOWFLAKE_EPOCH_MS + Number((1n << CLOCK_BITS) - 1n);

/**
 * No id is below it, because no clock before the end of February 2026 is accepted, and no counter of a prefix that has
 * had snowflakes reaches it. So a counter's value and a snowflake are never the same number.
 */
export const SNOWFLAKE_MIN = 10n ** 16n;
/** The most digits an id has. */
export const SNOWFLAKE_DIGITS = 19;
const CLOCK_MIN_MS = SNOWFLAKE_EPOCH_MS + Number(SNOWFLAKE_MIN >> CLOCK_SHIFT) + 1;

export interface SnowflakeParts {
  /** ms since 1970-01-01T00:00:00Z; by a clock that kept its last millisecond, up to a second ahead. */
  readonly issuedAtMs: number;
  readonly dataCentre: number;
  readonly worker: number;
  readonly sequence: number;
}

export const composeSnowflake = ({ issuedAtMs, dataCentre, worker, sequence }: SnowflakeParts): bigint =>
  (BigInt(issuedAtMs - SNOWFLAKE_EPOCH_MS) << CLOCK_SHIFT) |
  (BigInt(dataCentre) << DATA_CENTRE_SHIFT) |
  (BigInt(worker) << WORKER_SHIFT) |
  BigInt(sequence);

const fieldOf = (id: bigint, shift: bigint, bits: bigint): number => Number(BigInt.asUintN(Number(bits), id >> shift));

/** Takes an id apart. @returns undefined for a value that is none. */
export const readSnowflake = (id: bigint): SnowflakeParts | undefined => {
  if (id < SNOWFLAKE_MIN || id >> (CLOCK_SHIFT + CLOCK_BITS) !== 0n) return undefined;
  return {
    issuedAtMs: SNOWFLAKE_EPOCH_MS + Number(id >> CLOCK_SHIFT),
    dataCentre: fieldOf(id, DATA_CENTRE_SHIFT, DATA_CENTRE_BITS),
    worker: fieldOf(id, WORKER_SHIFT, WORKER_BITS),
    sequence: fieldOf(id, 0n, SEQUENCE_BITS),
  };
};

/** The last id a worker made: its millisecond (since 1970), and the sequence within that. */
export interface SnowflakeMoment {
  readonly atMs: number;
  readonly sequence: number;
}

export type SnowflakeStep =
  /** Ids of this millisecond, from `sequence` on, `count` of them. */
  | { readonly kind: 'use'; readonly atMs: number; readonly sequence: number; readonly count: number }
  /** Ask again after this many ms. */
  | { readonly kind: 'wait'; readonly forMs: number }
  /** The clock went back too far for this worker id. */
  | { readonly kind: 'stepped'; readonly byMs: number }
  /** The clock shows a time that no id can carry. */
  | { readonly kind: 'unusable' };

const useFrom = (atMs: number, sequence: number, wanted: number): SnowflakeStep => ({
  kind: 'use',
  atMs,
  sequence,
  count: Math.min(wanted, SEQUENCE_MAX - sequence + 1),
});

/**
 * What comes after `last` when the clock shows `nowMs` (both since 1970): the ids of this millisecond, the rest of the
 * last one, or a wait. A clock that is behind by up to `WAIT_MAX_MS` is waited for. One behind by up to `KEEP_MAX_MS`
 * is not: ids continue in the last millisecond, and in the next one when its sequence is used up.
 */
export const nextSnowflakes = (last: SnowflakeMoment, nowMs: number, wanted: number): SnowflakeStep => {
  if (nowMs < CLOCK_MIN_MS || nowMs > CLOCK_MAX_MS) return { kind: 'unusable' };
  const behindMs = last.atMs - nowMs;
  if (behindMs < 0) return useFrom(nowMs, 0, wanted);
  if (behindMs > KEEP_MAX_MS) return { kind: 'stepped', byMs: behindMs };
  if (behindMs > 0 && behindMs <= WAIT_MAX_MS) return { kind: 'wait', forMs: behindMs };
  if (last.sequence < SEQUENCE_MAX) return useFrom(last.atMs, last.sequence + 1, wanted);
  // A clock that is only behind because of many ids is waited for.
  if (behindMs === 0 || behindMs === KEEP_MAX_MS) return { kind: 'wait', forMs: 1 };
  return useFrom(last.atMs + 1, 0, wanted);
};
