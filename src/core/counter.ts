/** The rule of a counter: how a reserve request moves it. Stores that compute in this process share it. */
import { rangeSize } from './range.ts';
import type { ReserveOutcome, ReserveRequest } from './sequence-store.ts';

/**
 * @param stored the last value taken, or `undefined` when none was.
 * @returns what the request gets. After `taken` the counter stands at the last value of the range, otherwise it stays.
 */
export const takeFromCounter = (stored: bigint | undefined, request: ReserveRequest): ReserveOutcome => {
  const { count, initialSeq, limit } = request;
  const value = stored === undefined || stored < initialSeq ? initialSeq : stored;
  const valuesLeft = value < limit ? rangeSize({ first: value + 1n, last: limit }) : 0n;
  if (valuesLeft < BigInt(count)) return { kind: 'exhausted', valuesLeft };
  return { kind: 'taken', range: { first: value + 1n, last: value + BigInt(count) } };
};
