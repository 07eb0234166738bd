/** The port to ledgers: the values of gapless series, with a row for each. */
import type { CallerShare } from '../caller.ts';
import type { NumberPrinter } from '../template/printer.ts';
import type { NumberSource } from '../values/number-source.ts';
import type { Range } from '../values/range.ts';
import type { Receipt, ReceiptDraft } from '../values/receipt.ts';
import type { SequenceId, SeriesId } from '../values/sequence-id.ts';
import type { KnownMarks, LedgerMark } from './ledger-mark.ts';
import type { LedgerDemand, LedgerRow, Reservation } from './ledger-rule.ts';

/** What one request asks for, and what is stored of it. */
export interface LedgerTake extends LedgerDemand {
  readonly sequence: SequenceId;
  /** Prints the texts of the rows. Called within the transaction: it must be quick, and print the same for the same value. */
  readonly print: NumberPrinter;
  /** Subject of the caller. */
  readonly subject: string | undefined;
  /**
   * Set for a request with an idempotency key: a receipt of the same request answers it, otherwise one is written with
   * the rows.
   */
  readonly receipt: ReceiptDraft | undefined;
  /** Set to reserve one value instead of issuing it; `count` is 1. */
  readonly reservation: (ReservationTerms & { readonly id: string }) | undefined;
}

export interface ReservationTerms {
  readonly ttlMs: number;
  /** How many the caller may have open in the prefix, this one included; undefined: any number. */
  readonly share?: CallerShare | undefined;
}

export type LedgerAnswer =
  /** In rising order, together `count` values. `expiresAtMs`: of the reservation, by the clock of the store. */
  | { readonly kind: 'taken'; readonly ranges: readonly Range[]; readonly expiresAtMs: number | undefined }
  /** Fewer than `count` values are left; none was taken. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** The same request was served before. */
  | { readonly kind: 'receipt'; readonly receipt: Receipt }
  /** Another request came under this key; nothing was taken. */
  | { readonly kind: 'conflict' }
  /** The caller has as many reservations open as it may; nothing was taken. */
  | { readonly kind: 'share-held' }
  /** The sequence has changed less than was known before the call began: the ledger went back. Nothing was taken. */
  | { readonly kind: 'behind' };

export type TakeOutcome =
  /** One answer for each take, in their order. */
  | {
      readonly kind: 'done';
      readonly answers: readonly LedgerAnswer[];
      /** How far the sequences have changed after it; empty for a ledger without a guard. */
      readonly marks: readonly LedgerMark[];
    }
  /** The store may have done it, all or nothing: repeat it under the same operation, or cancel it. */
  | { readonly kind: 'unknown'; readonly reason: Error };

/** What an attempt to end a reservation found; `ended` says whether it is in the state that was asked for. */
export interface EndedReservation {
  readonly ended: boolean;
  readonly reservation: Reservation;
  /** How far the sequence has changed after it. */
  readonly mark?: LedgerMark | undefined;
}

/**
 * Moves a sequence forward without issuing anything: values that are passed over are lost, and so are freed ones below.
 */
export interface LedgerAdvance {
  readonly sequence: SequenceId;
  /** The value after which counting continues. */
  readonly to: bigint;
  readonly initialSeq: bigint;
  readonly limit: bigint;
  /** The most values that may be passed over; undefined: any number. */
  readonly lostMax: bigint | undefined;
  /** Why, and the subject of the caller. */
  readonly reason: string;
  readonly subject: string | undefined;
  /** Only returns what it would do. */
  readonly dryRun: boolean;
  /**
   * What was known of the sequence before. A sequence that has changed less stays refused until the repair lifts it.
   */
  readonly known?: LedgerMark | undefined;
}

export type LedgerAdvanceReply =
  | {
      readonly kind: 'advanced';
      readonly from: bigint;
      readonly to: bigint;
      /** Values at or below `from` that were free, and are lost too. */
      readonly free: bigint;
      readonly mark?: LedgerMark | undefined;
    }
  /** `to` is not above the current value; nothing was done. */
  | { readonly kind: 'behind'; readonly current: bigint }
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** More than `lostMax` values would be lost; nothing was done. */
  | { readonly kind: 'too-many'; readonly lost: bigint };

/** Where a sequence stands. */
export interface LedgerStanding {
  /** The highest value taken so far; undefined when none was. */
  readonly value: bigint | undefined;
  /** How many values below it can be taken again, and the lowest of them. */
  readonly free: bigint;
  readonly lowestFree: bigint | undefined;
}

/** The place of a reservation in the order of `listReservations`. */
export type ReservationPosition = Pick<Reservation, 'value' | 'reservedAtMs' | 'id'>;

/**
 * All methods throw StorageUnavailableError or StorageTimeoutError; then nothing was done, or the call may be repeated
 * without further effect.
 */
export interface LedgerStore {
  readonly source: NumberSource;
  /**
   * Takes values and writes their rows, in one transaction that is durable when this resolves. Takes of one sequence are
   * served in their order. A throw means that nothing was taken.
   * @param operation a fresh UUID; a repetition returns what was done the first time, and does nothing.
   * @param known what was known of the sequences before this call: takes of those that have changed less are answered `behind`.
   */
  take(operation: string, takes: readonly LedgerTake[], known?: KnownMarks): Promise<TakeOutcome>;
  /**
   * Cancels an operation whose outcome is unknown and whose callers were refused: if it was done, its values can be
   * taken again; if not, it never will be. Values with a receipt stay, because a repetition of the request is given
   * them.
   */
  cancel(operation: string): Promise<readonly LedgerMark[]>;
  /**
   * The receipt of a request, whatever became of its prefix since; it may have expired. @param hash of caller and key.
   */
  findReceipt?(series: SeriesId, hash: string): Promise<Receipt | undefined>;
  findReservation(id: string): Promise<Reservation | undefined>;
  /**
   * Makes a reservation final, unless it has ended otherwise. May be repeated.
   * @returns undefined when there is none. @throws LedgerBehindError when its sequence has changed less than is `known`.
   */
  confirm(id: string, known?: KnownMarks): Promise<EndedReservation | undefined>;
  /** Cancels a reservation, unless it has ended otherwise: its value can be taken again. May be repeated; the first reason stays. */
  void(id: string, reason: string, known?: KnownMarks): Promise<EndedReservation | undefined>;
  /** Also serves a sequence that went back, because this is how it is repaired. */
  advance(request: LedgerAdvance): Promise<LedgerAdvanceReply>;
  /** @param limit the highest value that can be taken: what is free above it is not counted. */
  inspect(sequence: SequenceId, limit?: bigint): Promise<LedgerStanding>;
  /** The periods of a prefix that have rows, those after `after`, in rising order. */
  listPeriods(series: SeriesId, after: string | undefined, limit: number): Promise<readonly string[]>;
  /** The row of a value; of a lost range, when it lies in one. */
  findRow(sequence: SequenceId, value: bigint): Promise<LedgerRow | undefined>;
  /** The lost ranges of a sequence that begin above `after`, rising. */
  listLost(sequence: SequenceId, after: bigint, limit: number): Promise<readonly LedgerRow[]>;
  /** The rows of a sequence that begin above `after`, rising. They are one run: between the lowest and the highest none is missing. */
  listRows(sequence: SequenceId, after: bigint, limit: number): Promise<readonly LedgerRow[]>;
  /** All reservations of a sequence, those after `after`, in the order of value, time, id. */
  listReservations(
    sequence: SequenceId,
    after: ReservationPosition | undefined,
    limit: number,
  ): Promise<readonly Reservation[]>;
  /** @throws when it cannot serve. */
  checkHealth(): Promise<void>;
}
