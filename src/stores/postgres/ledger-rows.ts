/** Rows of the tables `ledger` and `reservations`, and the answers of a call, as what the rules work with, and back. */

import type { LedgerMark } from '../../core/ledger/ledger-mark.ts';
import type { LedgerRow, LedgerState, Reservation, ReservationState } from '../../core/ledger/ledger-rule.ts';
import type { LedgerAnswer, LedgerTake } from '../../core/ledger/ledger-store.ts';
import type { Range } from '../../core/values/range.ts';
import type { Receipt } from '../../core/values/receipt.ts';
import { columnsOf, readColumns } from '../../core/values/sequence-id.ts';
import type { Row } from './postgres-client.ts';

const text = (row: Row, column: string): string => row[column] ?? '';
const optional = (row: Row, column: string): string | undefined => row[column] ?? undefined;
const optionalMs = (row: Row, column: string): number | undefined => {
  const ms = row[column];
  return ms === null || ms === undefined ? undefined : Number(ms);
};

export const readLedgerRow = (row: Row): LedgerRow => ({
  value: BigInt(text(row, 'value')),
  ...(row['last'] && { last: BigInt(row['last']) }),
  number: text(row, 'number'),
  // The only writer is this service.
  state: text(row, 'state') as LedgerState,
  ...(row['reason'] && { reason: row['reason'] }),
  takenAtMs: Number(text(row, 'taken_at_ms')),
  changedAtMs: Number(text(row, 'changed_at_ms')),
  subject: optional(row, 'subject'),
  keyHash: optional(row, 'key_hash'),
  reservation: optional(row, 'reservation'),
});

export const readMark = (row: Row): LedgerMark => ({
  sequence: readColumns({ prefixKey: text(row, 'prefix_key'), period: text(row, 'period') }),
  changes: BigInt(text(row, 'changes')),
  value: BigInt(text(row, 'value')),
});

export const readReservation = (row: Row): Reservation => ({
  id: text(row, 'id'),
  sequence: readColumns({ prefixKey: text(row, 'prefix_key'), period: text(row, 'period') }),
  value: BigInt(text(row, 'value')),
  number: text(row, 'number'),
  state: text(row, 'state') as ReservationState,
  subject: optional(row, 'subject'),
  reservedAtMs: Number(text(row, 'reserved_at_ms')),
  expiresAtMs: Number(text(row, 'expires_at_ms')),
  endedAtMs: optionalMs(row, 'ended_at_ms'),
  reason: optional(row, 'reason'),
});

type StoredRanges = readonly (readonly [first: string, last: string])[];

const encodeRanges = (ranges: readonly Range[]): StoredRanges =>
  ranges.map(({ first, last }) => [`${first}`, `${last}`]);
const decodeRanges = (ranges: StoredRanges): Range[] =>
  ranges.map(([first, last]) => ({ first: BigInt(first), last: BigInt(last) }));

export const readReceipt = (row: Row): Receipt => ({
  fingerprint: text(row, 'fingerprint'),
  atMs: Number(text(row, 'at_ms')),
  period: text(row, 'period'),
  ranges: decodeRanges(JSON.parse(text(row, 'ranges'))),
  series: text(row, 'series'),
});

/** The receipts of a call's takes that have one, as the statement `put-receipts` takes them. */
export const encodeReceipts = (takes: readonly LedgerTake[], answers: readonly LedgerAnswer[]): string =>
  JSON.stringify(
    takes.flatMap(({ receipt, sequence }, index) => {
      const answer = answers[index];
      if (receipt === undefined || answer?.kind !== 'taken') return [];
      const { hash, fingerprint, atMs, series } = receipt;
      const ranges = encodeRanges(answer.ranges);
      return [{ hash, fingerprint, at_ms: atMs, period: columnsOf(sequence).period, ranges, series }];
    }),
  );

/** An answer as the table `ledger_operations` keeps it, with what is needed to undo it. */
interface StoredAnswer {
  readonly prefixKey: string;
  readonly period: string;
  readonly reservation?: string;
  /** It has a receipt, and is not undone. */
  readonly keyed?: true;
  readonly ranges: StoredRanges;
  /** Values left, when none was taken. */
  readonly left?: string;
  /** The receipt that answered it. */
  readonly receipt?: Omit<Receipt, 'ranges'>;
  readonly conflict?: true;
  readonly behind?: true;
  readonly held?: true;
}

const encodeAnswer = (
  answer: LedgerAnswer | undefined,
): Pick<StoredAnswer, 'ranges' | 'left' | 'receipt' | 'conflict' | 'behind' | 'held'> => {
  switch (answer?.kind) {
    case 'taken':
      return { ranges: encodeRanges(answer.ranges) };
    case 'receipt': {
      const { ranges, ...receipt } = answer.receipt;
      return { ranges: encodeRanges(ranges), receipt };
    }
    case 'conflict':
      return { ranges: [], conflict: true };
    case 'behind':
      return { ranges: [], behind: true };
    case 'share-held':
      return { ranges: [], held: true };
    default:
      return { ranges: [], left: `${answer?.valuesLeft ?? 0n}` };
  }
};

export const encodeAnswers = (takes: readonly LedgerTake[], answers: readonly LedgerAnswer[]): string =>
  JSON.stringify(
    takes.map(
      ({ sequence, reservation, receipt }, index): StoredAnswer => ({
        ...columnsOf(sequence),
        ...(reservation !== undefined && { reservation: reservation.id }),
        ...(receipt !== undefined && { keyed: true }),
        ...encodeAnswer(answers[index]),
      }),
    ),
  );

/** When reservations end, ms by id, as a statement returns it. */
export const readExpiries = (row: Row): ReadonlyMap<string, number> =>
  new Map(Object.entries(JSON.parse(row['expiries'] ?? '{}') as Record<string, number>));

const decodeAnswer = (stored: StoredAnswer, expiries: ReadonlyMap<string, number>): LedgerAnswer => {
  const { left, conflict, behind, held, receipt, reservation } = stored;
  if (left !== undefined) return { kind: 'exhausted', valuesLeft: BigInt(left) };
  if (conflict) return { kind: 'conflict' };
  if (behind) return { kind: 'behind' };
  if (held) return { kind: 'share-held' };
  const ranges = decodeRanges(stored.ranges);
  if (receipt !== undefined) return { kind: 'receipt', receipt: { ...receipt, ranges } };
  return { kind: 'taken', ranges, expiresAtMs: reservation === undefined ? undefined : expiries.get(reservation) };
};

export const decodeAnswers = (answers: string, expiries: ReadonlyMap<string, number>): LedgerAnswer[] =>
  (JSON.parse(answers) as StoredAnswer[]).map((stored) => decodeAnswer(stored, expiries));
