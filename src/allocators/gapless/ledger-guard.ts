/**
 * The guard of a ledger: keeps marks of its state in the counter store too, and finds out when the ledger went back to
 * an earlier one.
 */
import { isStoreFailure } from '../../core/errors.ts';
import type { Emit, Listen } from '../../core/events/events.ts';
import {
  higherMark,
  isBehind,
  type KnownMarkStore,
  type KnownMarks,
  type LedgerMark,
  type StoredMarks,
} from '../../core/ledger/ledger-mark.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';

/** What `/health` shows. */
export interface GuardState {
  /** Sequences that are refused because their ledger went back; and one of them. */
  readonly behind: number;
  readonly example: LedgerMark | undefined;
  /** The counter store lacks marks that this node has: a ledger that goes back now may not be found out. */
  readonly unguarded: boolean;
}

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

/** Sequences remembered, owed and found behind, each. */
const SEQUENCES_MAX = 100_000;
const PAGE = 1_000;

const put = (marks: Map<string, LedgerMark>, mark: LedgerMark): void => {
  const name = sequenceKeyOf(mark.sequence);
  const higher = higherMark(marks.get(name), mark);
  marks.delete(name);
  marks.set(name, higher);
  const [oldest] = marks.keys();
  if (marks.size > SEQUENCES_MAX && oldest !== undefined) marks.delete(oldest);
};

export const createLedgerGuard = (dependencies: Dependencies): LedgerGuard => {
  const { store, stored, emit, retryMs = 1_000, lookMs = 60_000 } = dependencies;
  const memory = new Map<string, LedgerMark>();
  /** Marks that the counter store does not have yet. */
  const owed = new Map<string, LedgerMark>();
  const behind = new Map<string, LedgerMark>();
  let isReached = true;
  let isUsed = false;
  let told = { behind: 0, unguarded: false };
  let catching: Promise<void> | undefined;
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const isUnguarded = (): boolean => isUsed && (!isReached || owed.size > 0);

  const tell = (): void => {
    const now = { behind: behind.size, unguarded: isUnguarded() };
    const [example] = behind.values();
    if (now.behind !== told.behind) emit({ type: 'ledger-behind', sequences: now.behind, example });
    if (now.unguarded !== told.unguarded) emit({ type: 'gapless-guard', guarded: !now.unguarded });
    told = now;
  };

  const lost = (): void => {
    isReached = false;
    tell();
    schedule();
  };
  const owe = (marks: Iterable<LedgerMark>): void => {
    for (const mark of marks) put(owed, mark);
    lost();
  };
  /** Runs what needs the counter store. @returns undefined when it is away; other errors are thrown. */
  const reach = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      lost();
      return undefined;
    }
  };

  const fill = async (): Promise<void> => {
    let after: SequenceId | undefined;
    for (;;) {
      const page = await stored.list(after, PAGE);
      if (page.length > 0) isUsed = true;
      await store.raise(page);
      after = page.at(-1)?.sequence;
      if (page.length < PAGE) return store.confirmFilled();
    }
  };
  const payOwed = async (): Promise<void> => {
    while (owed.size > 0) {
      const marks = [...owed.values()].slice(0, PAGE);
      await store.raise(marks);
      // A mark that was raised meanwhile is still owed.
      for (const mark of marks)
        if (owed.get(sequenceKeyOf(mark.sequence)) === mark) owed.delete(sequenceKeyOf(mark.sequence));
    }
  };
  const catchUp = (): Promise<void> => {
    catching ??= (async () => {
      try {
        if (!(await store.isFilled())) await fill();
        await payOwed();
        isReached = true;
        tell();
      } catch {
        // One of the two is still away; their connections emit that.
        schedule();
      }
    })().finally(() => {
      catching = undefined;
    });
    return catching;
  };
  const schedule = (): void => {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(() => void catchUp(), retryMs);
    timer.unref();
  };

  const compare = async (marks: readonly LedgerMark[]): Promise<void> => {
    const rows = await stored.read(marks.map(({ sequence }) => sequence));
    marks.forEach((mark, index) => {
      if (isBehind(rows[index], mark)) put(behind, mark);
      else behind.delete(sequenceKeyOf(mark.sequence));
    });
  };
  const look = (): Promise<void> => {
    looking ??= (async () => {
      await catchUp();
      try {
        for await (const marks of store.list()) {
          isUsed = true;
          await compare(marks);
        }
        // Marks that the counter store has lost meanwhile.
        const found = [...behind.values()];
        for (let at = 0; at < found.length; at += PAGE) await compare(found.slice(at, at + PAGE));
      } catch {
        // Away: the next look compares again.
      }
      tell();
    })().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const lookTimer = setInterval(() => void look(), lookMs);
  lookTimer.unref();

  return {
    known: async (sequences) => {
      const unique = [...new Map(sequences.map((sequence) => [sequenceKeyOf(sequence), sequence])).values()];
      const found = await reach(() => store.read(unique));
      const lacking: LedgerMark[] = [];
      const known = new Map<string, LedgerMark>();
      unique.forEach((sequence, index) => {
        const [there, own] = [found?.[index], memory.get(sequenceKeyOf(sequence))];
        // It was emptied, or went back itself.
        if (found !== undefined && own !== undefined && (there?.changes ?? 0n) < own.changes) lacking.push(own);
        const mark = own === undefined ? there : higherMark(there, own);
        if (mark !== undefined) known.set(sequenceKeyOf(sequence), mark);
      });
      if (lacking.length > 0) {
        await reach(() => store.raise(lacking));
        void catchUp();
      }
      return known;
    },

    note: async (marks) => {
      if (marks.length === 0) return;
      isUsed = true;
      for (const mark of marks) put(memory, mark);
      try {
        await store.raise(marks);
      } catch (error) {
        if (!isStoreFailure(error)) throw error;
        owe(marks);
      }
    },

    refused: (known) => {
      put(behind, known);
      tell();
    },

    lost,
    catchUp,
    look,

    state: () => {
      const [example] = behind.values();
      return { behind: behind.size, example, unguarded: isUnguarded() };
    },

    listen: ({ event: { type } }) => {
      if (type === 'store-disconnected') lost();
      if (type === 'store-connected') void catchUp();
      if (type === 'ceiling-store-connected') void look();
    },

    close: async () => {
      closed = true;
      clearTimeout(timer);
      clearInterval(lookTimer);
      await Promise.all([catching, looking]);
      await payOwed().catch(() => undefined);
    },
  };
};
