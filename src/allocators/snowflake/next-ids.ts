/** What a request for snowflake ids does next, at one reading of the clock: a function of the worker id in hand, without a wait. */
import { composeSnowflake, KEEP_MAX_MS, nextSnowflakes, WAIT_MAX_MS } from '../../core/snowflake/snowflake.ts';
import type { Range } from '../../core/values/range.ts';
import type { HeldWorker } from './held-worker.ts';

export type NextIds =
  /** These ids are issued; at most as many as were wanted. */
  | { readonly kind: 'issue'; readonly range: Range; readonly count: number }
  /** The clock is waited for, ms. */
  | { readonly kind: 'wait'; readonly forMs: number }
  /** The lease is renewed first, so that it allows a later time. */
  | { readonly kind: 'obtain' }
  /** Another worker id is taken first: the clock is too far behind what this one has used. */
  | { readonly kind: 'replace' }
  /** The clock shows a time that no id can carry. */
  | { readonly kind: 'unusable' };

/** Notes in `held` what is issued. */
export const nextIds = (held: HeldWorker, dataCentre: number, nowMs: number, wanted: number): NextIds => {
  const step = nextSnowflakes(held.last, nowMs, wanted);
  if (step.kind === 'stepped') return { kind: 'replace' };
  if (step.kind !== 'use') return step;
  const { atMs, sequence, count } = step;
  if (atMs > held.boundMs) return { kind: 'obtain' };
  held.last = { atMs, sequence: sequence + count - 1 };
  const first = composeSnowflake({ issuedAtMs: atMs, dataCentre, worker: held.worker, sequence });
  return { kind: 'issue', range: { first, last: first + BigInt(count - 1) }, count };
};

/** What a clock that stepped back leads to, as its event says. */
export const handlingOf = (byMs: number): 'waited' | 'kept' | 'fresh-worker' => {
  if (byMs <= WAIT_MAX_MS) return 'waited';
  return byMs <= KEEP_MAX_MS ? 'kept' : 'fresh-worker';
};
