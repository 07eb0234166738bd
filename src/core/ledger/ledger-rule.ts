/** The ledger of a gapless series: the state of each of its values, and the rule by which values are taken. */
import type { Range } from '../values/range.ts';
import type { SequenceId } from '../values/sequence-id.ts';

/**
 * The present state of a value. `issued` and `confirmed` are final. `reserved`: held for a caller. `void`: cancelled,
 * expired or never delivered; issued next. `lost`: passed over by an operator, and never issued.
 */
export type LedgerState = 'issued' | 'reserved' | 'confirmed' | 'void' | 'lost';

/** One value of a gapless series, as its latest taking left it. */
export interface LedgerRow {
  readonly value: bigint;
  /** The last value of a lost range; undefined for a single value. */
  readonly last?: bigint | undefined;
  /** The text as it was printed for the latest taking; empty for a range. */
  readonly number: string;
  readonly state: LedgerState;
  /** Why a range is lost, as the operator wrote it. */
  readonly reason?: string | undefined;
  /** When it was taken last, ms since 1970-01-01T00:00:00Z. */
  readonly takenAtMs: number;
  /** When it entered its present state. */
  readonly changedAtMs: number;
  /** Subject of the caller it was taken for; undefined without one. */
  readonly subject: string | undefined;
  /** Hash of the request's Idempotency-Key; undefined without one. */
  readonly keyHash: string | undefined;
  /** The reservation it was taken by; undefined when it was issued outright. */
  readonly reservation: string | undefined;
}

/** `reserved` until it is confirmed, voided, or expires. */
export type ReservationState = 'reserved' | 'confirmed' | 'void' | 'expired';

/** A reservation of a value. All of them are kept, as the history of the value. */
export interface Reservation {
  /** A UUID. */
  readonly id: string;
  readonly sequence: SequenceId;
  readonly value: bigint;
  readonly number: string;
  readonly state: ReservationState;
  readonly subject: string | undefined;
  readonly reservedAtMs: number;
  /** By the clock of the store. */
  readonly expiresAtMs: number;
  /** When it was confirmed, voided or expired; undefined while it is `reserved`. */
  readonly endedAtMs: number | undefined;
  /** Why it was voided. */
  readonly reason: string | undefined;
}

/** What one request asks of a sequence. */
export interface LedgerDemand {
  /** At least 1. */
  readonly count: number;
  /** The value before the first of the sequence; of no effect once it has begun. */
  readonly initialSeq: bigint;
  /** The highest value this request may get. */
  readonly limit: bigint;
}

export type LedgerGrant =
  /** In rising order, together `count` values. */
  | { readonly kind: 'taken'; readonly ranges: readonly Range[] }
  /** Fewer than `count` are left; none was taken. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint };

export interface LedgerShares {
  /** One for each demand, in their order. */
  readonly grants: readonly LedgerGrant[];
  /** Where the sequence stands afterwards; undefined when it has not begun. */
  readonly value: bigint | undefined;
}

/** Adds a value above all that `ranges` has. */
const append = (ranges: Range[], first: bigint, last: bigint): void => {
  const end = ranges.at(-1);
  if (end !== undefined && end.last + 1n === first) ranges[ranges.length - 1] = { first: end.first, last };
  else ranges.push({ first, last });
};

/**
 * Deals values to demands in the order of their arrival: first freed values, the lowest first, then those after the
 * highest value taken so far. A demand gets all or nothing. No value is ever passed over.
 * @param stored the highest value taken so far; undefined when none was.
 * @param free values below it that can be taken again, rising; as many as all demands need, or all there are.
 */
export const shareValues = (
  stored: bigint | undefined,
  free: readonly bigint[],
  demands: readonly LedgerDemand[],
): LedgerShares => {
  let value = stored;
  const left = [...free];
  const grants = demands.map(({ count, initialSeq, limit }): LedgerGrant => {
    const from = value ?? initialSeq;
    const ahead = from < limit ? limit - from : 0n;
    const usable = left.filter((candidate) => candidate <= limit).length;
    const reused = Math.min(usable, count);
    if (BigInt(count - reused) > ahead) return { kind: 'exhausted', valuesLeft: BigInt(usable) + ahead };
    const ranges: Range[] = [];
    for (const again of left.splice(0, reused)) append(ranges, again, again);
    if (reused < count) {
      value = from + BigInt(count - reused);
      append(ranges, from + 1n, value);
    }
    return { kind: 'taken', ranges };
  });
  return { grants, value };
};

/** Why a sequence that stands at `from` is not moved forward; undefined when it may be. */
export const judgeAdvance = (
  from: bigint,
  { to, limit, lostMax }: { readonly to: bigint; readonly limit: bigint; readonly lostMax: bigint | undefined },
):
  | { readonly kind: 'behind'; readonly current: bigint }
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  | { readonly kind: 'too-many'; readonly lost: bigint }
  | undefined => {
  if (to <= from) return { kind: 'behind', current: from };
  if (to > limit) return { kind: 'exhausted', valuesLeft: from < limit ? limit - from : 0n };
  const lost = to - from;
  return lostMax !== undefined && lost > lostMax ? { kind: 'too-many', lost } : undefined;
};
