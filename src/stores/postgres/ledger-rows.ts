/** Rows of the tables `ledger` and `reservations`, and the answers of a call, as what the rules work with, and back. */
import type { LedgerRow, LedgerState, Reservation, ReservationState } from '../../core/ledger.ts';
import type { LedgerAnswer, LedgerTake } from '../../core/ledger-store.ts';
import type { Row } from './postgres-client.ts';

const text = (row: Row, column: string): string => row[column] ?? '';
const optional = (row: Row, column: string): string | undefined => row[column] ?? undefined;
const optionalMs = (row: Row, column: string): number | undefined => {
  const ms = row[column];
  return ms === null || ms === undefined ? undefined : Number(ms);
};

export const readLedgerRow = (row: Row): LedgerRow => ({
  value: BigInt(text(row, 'value')),
  number: text(row, 'number'),
  // The only writer is this service.
  state: text(row, 'state') as LedgerState,
  takenAtMs: Number(text(row, 'taken_at_ms')),
  changedAtMs: Number(text(row, 'changed_at_ms')),
  subject: optional(row, 'subject'),
  keyHash: optional(row, 'key_hash'),
  reservation: optional(row, 'reservation'),
});

export const readReservation = (row: Row): Reservation => ({
  id: text(row, 'id'),
  prefixKey: text(row, 'prefix_key'),
  period: text(row, 'period'),
  value: BigInt(text(row, 'value')),
  number: text(row, 'number'),
  state: text(row, 'state') as ReservationState,
  subject: optional(row, 'subject'),
  reservedAtMs: Number(text(row, 'reserved_at_ms')),
  expiresAtMs: Number(text(row, 'expires_at_ms')),
  endedAtMs: optionalMs(row, 'ended_at_ms'),
  reason: optional(row, 'reason'),
});

/** An answer as the table `ledger_operations` keeps it, with what is needed to undo it. */
interface StoredAnswer {
  readonly prefixKey: string;
  readonly period: string;
  readonly reservation?: string;
  /** First and last of each range. */
  readonly ranges: readonly (readonly [string, string])[];
  /** Values left, when none was taken. */
  readonly left?: string;
}

export const encodeAnswers = (takes: readonly LedgerTake[], answers: readonly LedgerAnswer[]): string =>
  JSON.stringify(
    takes.map(({ sequence, reservation }, index): StoredAnswer => {
      const answer = answers[index];
      return {
        ...sequence,
        ...(reservation !== undefined && { reservation: reservation.id }),
        ranges: answer?.kind === 'taken' ? answer.ranges.map(({ first, last }) => [`${first}`, `${last}`]) : [],
        ...(answer?.kind === 'exhausted' && { left: `${answer.valuesLeft}` }),
      };
    }),
  );

/** When reservations end, ms by id, as a statement returns it. */
export const readExpiries = (row: Row): ReadonlyMap<string, number> =>
  new Map(Object.entries(JSON.parse(row['expiries'] ?? '{}') as Record<string, number>));

export const decodeAnswers = (answers: string, expiries: ReadonlyMap<string, number>): LedgerAnswer[] =>
  (JSON.parse(answers) as StoredAnswer[]).map(({ ranges, left, reservation }) =>
    left === undefined
      ? {
          kind: 'taken',
          ranges: ranges.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) })),
          expiresAtMs: reservation === undefined ? undefined : expiries.get(reservation),
        }
      : { kind: 'exhausted', valuesLeft: BigInt(left) },
  );
