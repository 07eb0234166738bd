/** Marks: how far a ledger's sequences have changed, kept elsewhere too, so that a ledger that went back to an earlier state is found out. */
import type { SequenceId } from '../values/sequence-id.ts';

export interface LedgerMark {
  readonly sequence: SequenceId;
  /** Rises with every transaction that touches the sequence: a ledger that shows fewer went back. */
  readonly changes: bigint;
  /** The highest value taken so far. */
  readonly value: bigint;
}

/** A mark as the ledger itself has it. */
export interface StoredMark extends LedgerMark {
  /** Where an operator has moved the sequence to; 0 when none has. */
  readonly floor: bigint;
}

/** Marks by `sequenceKeyOf`. A ledger that has changed less than its mark says must not be written to. */
export type KnownMarks = ReadonlyMap<string, LedgerMark>;

/** The larger of both, field by field. */
export const higherMark = (one: LedgerMark | undefined, other: LedgerMark): LedgerMark => ({
  sequence: other.sequence,
  changes: one !== undefined && one.changes > other.changes ? one.changes : other.changes,
  value: one !== undefined && one.value > other.value ? one.value : other.value,
});

/** Whether a sequence, of which the ledger has this or nothing, has changed less than is known. */
export const isBehind = (stored: Pick<LedgerMark, 'changes'> | undefined, known: LedgerMark | undefined): boolean =>
  known !== undefined && (stored?.changes ?? 0n) < known.changes;

/** What was known of ledgers, in another store than theirs. Methods throw StorageUnavailableError or StorageTimeoutError. */
export interface KnownMarkStore {
  read(sequences: readonly SequenceId[]): Promise<readonly (LedgerMark | undefined)[]>;
  /** Marks only ever rise. */
  raise(marks: readonly LedgerMark[]): Promise<void>;
  /** All marks, some at a time, in no order; one that is raised meanwhile may come twice. */
  list(): AsyncIterable<readonly LedgerMark[]>;
  /** Whether somebody has entered all there are since the store was last empty. */
  isFilled(): Promise<boolean>;
  confirmFilled(): Promise<void>;
}

/** The marks in the ledger itself. Methods throw as those of the ledger. */
export interface StoredMarks {
  read(sequences: readonly SequenceId[]): Promise<readonly (StoredMark | undefined)[]>;
  /** In the order of their names, those after `after`. */
  list(after: SequenceId | undefined, limit: number): Promise<readonly StoredMark[]>;
  /** Lets a sequence that went back be served again, once it was moved to the mark's value at least. @returns whether it was. */
  lift(mark: LedgerMark): Promise<boolean>;
}
