/**
 * Marks: how far the sequences of a ledger have changed, stored elsewhere too, to find out a ledger that went back to
 * an earlier state.
 */
import type { SequenceId } from '../values/sequence-id.ts';

export interface LedgerMark {
  readonly sequence: SequenceId;
  /** Rises with every transaction that touches the sequence: a ledger with a lower count went back. */
  readonly changes: bigint;
  /** The highest value taken so far. */
  readonly value: bigint;
}

/** A mark in the ledger itself. */
export interface StoredMark extends LedgerMark {
  /** The value an operator moved the sequence to; 0 when it was never advanced. */
  readonly floor: bigint;
}

/** Marks by `sequenceKeyOf`. A ledger that has changed less than its mark must not be written to. */
export type KnownMarks = ReadonlyMap<string, LedgerMark>;

/** The larger of both, field by field. */
export const higherMark = (one: LedgerMark | undefined, other: LedgerMark): LedgerMark => ({
  sequence: other.sequence,
  changes: one !== undefined && one.changes > other.changes ? one.changes : other.changes,
  value: one !== undefined && one.value > other.value ? one.value : other.value,
});

/** Whether a sequence has changed less in the ledger, which may not have it at all, than is known. */
export const isBehind = (stored: Pick<LedgerMark, 'changes'> | undefined, known: LedgerMark | undefined): boolean =>
  known !== undefined && (stored?.changes ?? 0n) < known.changes;

/** The marks of ledgers in another store than theirs. Methods throw StorageUnavailableError or StorageTimeoutError. */
export interface KnownMarkStore {
  read(sequences: readonly SequenceId[]): Promise<readonly (LedgerMark | undefined)[]>;
  /** Marks only ever rise. */
  raise(marks: readonly LedgerMark[]): Promise<void>;
  /** All marks, in portions and in no order; one that is raised meanwhile may come twice. */
  list(): AsyncIterable<readonly LedgerMark[]>;
  /** Whether all marks were added since the store was last empty. */
  isFilled(): Promise<boolean>;
  confirmFilled(): Promise<void>;
}

/** The marks in the ledger itself. Methods throw as those of the ledger. */
export interface StoredMarks {
  read(sequences: readonly SequenceId[]): Promise<readonly (StoredMark | undefined)[]>;
  /** In the order of their names, those after `after`. */
  list(after: SequenceId | undefined, limit: number): Promise<readonly StoredMark[]>;
  /**
   * Lets a sequence that went back be served again, once it was advanced to at least the mark's value. @returns whether
   * that was the case.
   */
  lift(mark: LedgerMark): Promise<boolean>;
}
