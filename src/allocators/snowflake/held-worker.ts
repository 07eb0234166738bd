/** A worker id under its lease: how long it may be used, and what it has issued. Records and functions, without a clock. */
import { SEQUENCE_MAX, type SnowflakeMoment } from '../../core/snowflake/snowflake.ts';
import { WORKER_USE_MS, type WorkerLease } from '../../core/snowflake/worker-lease-store.ts';

export interface HeldWorker {
  readonly worker: number;
  /** The last id made under it. */
  last: SnowflakeMoment;
  /** No id may carry a later time. */
  boundMs: number;
  /** Until when it may be used, by the monotonic clock, ms. */
  usableUntilMs: number;
}

/** Readings of both clocks from before the store was called: what it grants may count from no later. */
interface CallTimes {
  /** ms since 1970. */
  readonly clockMs: number;
  readonly monotonicMs: number;
}

/** Every earlier holder has stayed below the clock of the call, so that is where this one begins. */
export const holdWorker = ({ worker, boundMs }: WorkerLease, { clockMs, monotonicMs }: CallTimes): HeldWorker => ({
  worker,
  boundMs,
  usableUntilMs: monotonicMs + WORKER_USE_MS,
  last: { atMs: clockMs - 1, sequence: SEQUENCE_MAX },
});

/** The latest time the worker id may have used so far, for the renewal of its lease. */
export const latestUse = ({ last }: HeldWorker, clockMs: number): number => Math.max(clockMs, last.atMs);

/** The lease was renewed by a call that began at `monotonicMs`. */
export const extendUse = (held: HeldWorker, boundMs: number, monotonicMs: number): void => {
  held.boundMs = boundMs;
  held.usableUntilMs = monotonicMs + WORKER_USE_MS;
};

export const isUsable = ({ usableUntilMs }: HeldWorker, monotonicMs: number): boolean => monotonicMs < usableUntilMs;
