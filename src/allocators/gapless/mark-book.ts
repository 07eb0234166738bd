/**
 * What a node knows about the marks of a ledger: its own, those the counter store lacks, and the sequences that went
 * back. Records and functions, without a promise or a store: `ledger-guard.ts` reads and writes the stores, and reports
 * here what it found.
 */
import type { NumberGeneratorEvent } from '../../core/events/events.ts';
import { higherMark, isBehind, type LedgerMark, type StoredMark } from '../../core/ledger/ledger-mark.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';

/** What `/health` shows. */
export interface GuardState {
  /** Sequences that are refused because their ledger went back; and one of them. */
  readonly behind: number;
  readonly example: LedgerMark | undefined;
  /** The counter store lacks marks that this node has: a ledger that goes back now may not be found out. */
  readonly unguarded: boolean;
}

/** Marks by `sequenceKeyOf`, the one that changed last at the end. */
type Marks = Map<string, LedgerMark>;

export interface MarkBook {
  /** Of the changes this node made. */
  readonly own: Marks;
  /** Marks that the counter store does not have yet. */
  readonly owed: Marks;
  /** What was known of the sequences whose ledger went back. */
  readonly behind: Marks;
  /** The counter store answered last time. */
  isReached: boolean;
  /** The ledger has a sequence at least. */
  isUsed: boolean;
  /** What the last events said. */
  announced: Pick<GuardState, 'behind' | 'unguarded'>;
}

/** Sequences remembered, owed and found behind, each. */
const SEQUENCES_MAX = 100_000;

export const createMarkBook = (): MarkBook => ({
  own: new Map(),
  owed: new Map(),
  behind: new Map(),
  isReached: true,
  isUsed: false,
  announced: { behind: 0, unguarded: false },
});

const put = (marks: Marks, mark: LedgerMark): void => {
  const name = sequenceKeyOf(mark.sequence);
  const higher = higherMark(marks.get(name), mark);
  marks.delete(name);
  marks.set(name, higher);
  const [oldest] = marks.keys();
  if (marks.size > SEQUENCES_MAX && oldest !== undefined) marks.delete(oldest);
};

/** This node has changed sequences. */
export const noteOwn = (book: MarkBook, marks: readonly LedgerMark[]): void => {
  if (marks.length > 0) book.isUsed = true;
  for (const mark of marks) put(book.own, mark);
};

/** The counter store could not be given these marks. */
export const owe = (book: MarkBook, marks: readonly LedgerMark[]): void => {
  for (const mark of marks) put(book.owed, mark);
};

/** The marks that the counter store is given next. */
export const nextOwed = ({ owed }: MarkBook, countMax: number): readonly LedgerMark[] => [
  ...owed.values().take(countMax),
];

/** The counter store has these marks. One that was raised meanwhile is still owed. */
export const markPaid = ({ owed }: MarkBook, marks: readonly LedgerMark[]): void => {
  for (const mark of marks) {
    const name = sequenceKeyOf(mark.sequence);
    if (owed.get(name) === mark) owed.delete(name);
  }
};

export const distinctSequences = (sequences: readonly SequenceId[]): readonly SequenceId[] => [
  ...new Map(sequences.map((sequence) => [sequenceKeyOf(sequence), sequence])).values(),
];

/**
 * Puts together what this node and the counter store know.
 * @param sequences each once.
 * @param found what the counter store has of them; undefined when it is away.
 * @returns the marks by sequence; and those that the store lacks, because it was emptied or went back itself.
 */
export const combineMarks = (
  { own }: MarkBook,
  sequences: readonly SequenceId[],
  found: readonly (LedgerMark | undefined)[] | undefined,
): { readonly known: ReadonlyMap<string, LedgerMark>; readonly lacking: readonly LedgerMark[] } => {
  const known: Marks = new Map();
  const lacking: LedgerMark[] = [];
  for (const [index, sequence] of sequences.entries()) {
    const name = sequenceKeyOf(sequence);
    const [there, here] = [found?.[index], own.get(name)];
    if (found !== undefined && isBehind(there, here) && here !== undefined) lacking.push(here);
    const mark = here === undefined ? there : higherMark(there, here);
    if (mark !== undefined) known.set(name, mark);
  }
  return { known, lacking };
};

/** A sequence has changed less than this in the ledger. */
export const markBehind = ({ behind }: MarkBook, known: LedgerMark): void => put(behind, known);

/** @param rows what the ledger has of the sequences of `marks`, in their order. */
export const compareMarks = (
  { behind }: MarkBook,
  marks: readonly LedgerMark[],
  rows: readonly (StoredMark | undefined)[],
): void => {
  for (const [index, mark] of marks.entries()) {
    if (isBehind(rows[index], mark)) put(behind, mark);
    else behind.delete(sequenceKeyOf(mark.sequence));
  }
};

export const showGuard = ({ behind, owed, isUsed, isReached }: MarkBook): GuardState => {
  const [example] = behind.values();
  return { behind: behind.size, example, unguarded: isUsed && (!isReached || owed.size > 0) };
};

/** What has changed since it was last asked. */
export const takeNews = (book: MarkBook): readonly NumberGeneratorEvent[] => {
  const { behind, example, unguarded } = showGuard(book);
  const { announced } = book;
  book.announced = { behind, unguarded };
  const news: NumberGeneratorEvent[] = [];
  if (behind !== announced.behind) news.push({ type: 'ledger-behind', sequences: behind, example });
  if (unguarded !== announced.unguarded) news.push({ type: 'gapless-guard', guarded: !unguarded });
  return news;
};
