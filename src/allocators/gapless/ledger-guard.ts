/**
 * The guard of a ledger: keeps marks of its state in the counter store too, and finds out when the ledger went back to
 * an earlier one. The mark book decides what is known, lacking and behind; here it is read, written and announced.
 */
import { isStoreFailure } from '../../core/errors.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import type { KnownMarkStore, KnownMarks, LedgerMark, StoredMarks } from '../../core/ledger/ledger-mark.ts';
import type { SequenceId } from '../../core/values/sequence-id.ts';
import { createRetriedWork } from '../retried-work.ts';
import { createSharedRun } from '../shared-run.ts';
import {
  combineMarks,
  createMarkBook,
  distinctSequences,
  type GuardState,
  markBehind,
  noteOwn,
  owe,
  showGuard,
  takeNews,
} from './mark-book.ts';
import { compareAll, fillMarks, type MarkTrips, payOwed } from './mark-trips.ts';

export interface LedgerGuard {
  /**
   * Call it before a transaction begins. Combines the marks of this node and of the counter store; while that is away,
   * its own only.
   */
  known(sequences: readonly SequenceId[]): Promise<KnownMarks>;
  /**
   * Call it after a commit and before any caller is answered. Resolves also while the counter store is away: then the
   * marks are kept for later.
   */
  note(marks: readonly LedgerMark[]): Promise<void>;
  /** A transaction was refused for a sequence that has changed less than this. */
  refused(known: LedgerMark): void;
  /** The other store cannot be reached. */
  lost(): void;
  /**
   * Adds the marks that the counter store lacks: all of them to an empty one, and those kept for later. Runs at the
   * start and when the store returns.
   */
  catchUp(): Promise<void>;
  /** Compares all marks. Also runs every minute. */
  look(): Promise<void>;
  state(): GuardState;
  /** Follows the connections of both stores. */
  readonly listen: Listen;
  close(): Promise<void>;
}

interface Dependencies {
  readonly store: KnownMarkStore;
  readonly stored: StoredMarks;
  readonly emit: Emit;
  readonly retryMs?: number;
  readonly lookMs?: number;
}

/** Runs what needs the counter store. @returns undefined when it is away, after `lost`; other errors are thrown. */
const reach = async <T>(work: () => Promise<T>, lost: () => void): Promise<T | undefined> => {
  try {
    return await work();
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    lost();
    return undefined;
  }
};

/** What the calls on the ledger need. */
interface Guarding extends MarkTrips {
  readonly lost: () => void;
  readonly catchUp: () => Promise<void>;
}

const findKnown = async (
  { book, store, lost, catchUp }: Guarding,
  sequences: readonly SequenceId[],
): Promise<KnownMarks> => {
  const distinct = distinctSequences(sequences);
  const { known, lacking } = combineMarks(book, distinct, await reach(() => store.read(distinct), lost));
  if (lacking.length > 0) {
    await reach(() => store.raise(lacking), lost);
    void catchUp();
  }
  return known;
};

const note = async ({ book, store, lost }: Guarding, marks: readonly LedgerMark[]): Promise<void> => {
  if (marks.length === 0) return;
  noteOwn(book, marks);
  const raise = (): Promise<void> => store.raise(marks);
  await reach(raise, () => {
    owe(book, marks);
    lost();
  });
};

export const createLedgerGuard = (dependencies: Dependencies): LedgerGuard => {
  const { store, stored, emit, retryMs = 1_000, lookMs = 60_000 } = dependencies;
  const book = createMarkBook();
  const trips = { book, store, stored };
  const announce = (): void => {
    for (const event of takeNews(book)) emit(event);
  };

  const catching = createRetriedWork(async () => {
    await fillMarks(trips);
    await payOwed(trips);
    book.isReached = true;
    announce();
  }, retryMs);
  const lost = (): void => {
    book.isReached = false;
    announce();
    catching.runLater();
  };

  const guarding: Guarding = { ...trips, lost, catchUp: catching.run };

  const compare = async (): Promise<void> => {
    await catching.run();
    // While one of the two is away nothing can be compared: the next look does.
    await compareAll(trips).catch(() => undefined);
    announce();
  };
  const looking = createSharedRun();
  const look = (): Promise<void> => looking.run(compare);
  const lookTimer = setInterval(() => void look(), lookMs);
  lookTimer.unref();

  return {
    known: (sequences) => findKnown(guarding, sequences),
    note: (marks) => note(guarding, marks),

    refused: (known) => {
      markBehind(book, known);
      announce();
    },

    lost,
    catchUp: catching.run,
    look,
    state: () => showGuard(book),

    listen: ({ event: { type } }) => {
      if (type === 'store-disconnected') lost();
      if (type === 'store-connected') void catching.run();
      if (type === 'ceiling-store-connected') void look();
    },

    close: async () => {
      clearInterval(lookTimer);
      await Promise.all([catching.close(), looking.ended()]);
      await payOwed(trips).catch(() => undefined);
    },
  };
};
