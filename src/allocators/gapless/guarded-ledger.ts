/**
 * A ledger under its guard: each transaction gets what was known before it began, and notes what it changed before any
 * caller is answered. Reads of a sequence that went back are refused too, because nothing in it can be trusted.
 */
import { LedgerBehindError } from '../../core/errors.ts';
import {
  isBehind,
  type KnownMarks,
  type LedgerMark,
  type StoredMark,
  type StoredMarks,
} from '../../core/ledger/ledger-mark.ts';
import type {
  EndedReservation,
  LedgerAdvance,
  LedgerAdvanceReply,
  LedgerStore,
  LedgerTake,
  TakeOutcome,
} from '../../core/ledger/ledger-store.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import type { LedgerGuard } from './ledger-guard.ts';

interface Guarded {
  readonly ledger: LedgerStore;
  readonly guard: Pick<LedgerGuard, 'known' | 'note' | 'refused'>;
  readonly stored: Pick<StoredMarks, 'read'>;
}

/**
 * Whether the rows of a sequence may be shown. Once it was moved past the unknown values, they are lost and its rows are
 * true again; serving it still needs `repair`.
 */
const isWhole = (row: StoredMark | undefined, mark: LedgerMark): boolean =>
  !isBehind(row, mark) || (row !== undefined && row.floor >= mark.value);

/** @throws LedgerBehindError when the sequence has changed less than was known, and nobody has moved it past that since. */
const demandWhole = async ({ guard, stored }: Guarded, sequence: SequenceId): Promise<void> => {
  const mark = (await guard.known([sequence])).get(sequenceKeyOf(sequence));
  // A sequence without a mark was never taken from: every ledger is right about it.
  if (mark === undefined) return;
  const [row] = await stored.read([sequence]);
  if (isWhole(row, mark)) return;
  guard.refused(mark);
  throw new LedgerBehindError(sequence.series.prefixKey, sequence.period);
};

const take = async (
  { ledger, guard }: Guarded,
  operation: string,
  takes: readonly LedgerTake[],
): Promise<TakeOutcome> => {
  const known = await guard.known(takes.map(({ sequence }) => sequence));
  const outcome = await ledger.take(operation, takes, known);
  if (outcome.kind === 'unknown') return outcome;
  await guard.note(outcome.marks);
  for (const [index, { kind }] of outcome.answers.entries()) {
    const sequence = takes[index]?.sequence;
    const mark = sequence && known.get(sequenceKeyOf(sequence));
    if (kind === 'behind' && mark !== undefined) guard.refused(mark);
  }
  return outcome;
};

/** Confirms or voids a reservation. */
const end = async (
  { ledger, guard }: Guarded,
  id: string,
  work: (known: KnownMarks) => Promise<EndedReservation | undefined>,
): Promise<EndedReservation | undefined> => {
  const reservation = await ledger.findReservation(id);
  if (reservation === undefined) return undefined;
  const known = await guard.known([reservation.sequence]);
  try {
    const ended = await work(known);
    if (ended?.mark !== undefined) await guard.note([ended.mark]);
    return ended;
  } catch (error) {
    const mark = known.get(sequenceKeyOf(reservation.sequence));
    if (error instanceof LedgerBehindError && mark !== undefined) guard.refused(mark);
    throw error;
  }
};

const advance = async ({ ledger, guard }: Guarded, request: LedgerAdvance): Promise<LedgerAdvanceReply> => {
  const known = (await guard.known([request.sequence])).get(sequenceKeyOf(request.sequence));
  // An advance below what is known to have been issued would issue those numbers again.
  if (known !== undefined && request.to < known.value) return { kind: 'behind', current: known.value };
  const reply = await ledger.advance({ ...request, known });
  if (reply.kind === 'advanced' && reply.mark !== undefined) await guard.note([reply.mark]);
  return reply;
};

export const createGuardedLedger = (
  ledger: LedgerStore,
  guard: Guarded['guard'],
  stored: Guarded['stored'],
): LedgerStore => {
  const guarded: Guarded = { ledger, guard, stored };
  return {
    ...ledger,

    inspect: async (sequence, limit) => {
      await demandWhole(guarded, sequence);
      return ledger.inspect(sequence, limit);
    },

    findRow: async (sequence, value) => {
      await demandWhole(guarded, sequence);
      return ledger.findRow(sequence, value);
    },

    listLost: async (sequence, after, limit) => {
      await demandWhole(guarded, sequence);
      return ledger.listLost(sequence, after, limit);
    },

    take: (operation, takes) => take(guarded, operation, takes),

    cancel: async (operation) => {
      const marks = await ledger.cancel(operation);
      await guard.note(marks);
      return marks;
    },

    confirm: (id) => end(guarded, id, (known) => ledger.confirm(id, known)),
    void: (id, reason) => end(guarded, id, (known) => ledger.void(id, reason, known)),
    advance: (request) => advance(guarded, request),
  };
};
