/** The guard of a ledger: what was known of it is kept in the counter store too, and tells when the ledger went back to an earlier state. */
import { isStoreFailure } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import {
  higherMark,
  isBehind,
  type KnownMarkStore,
  type KnownMarks,
  type LedgerMark,
  type StoredMarks,
} from '../../core/ledger/ledger-mark.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';

/** What `/health` says of it. */
export interface GuardState {
  /** Sequences that are refused, for their ledger went back; and one of them. */
  readonly behind: number;
  readonly example: LedgerMark | undefined;
  /** The counter store lacks what this node knows: a ledger that goes back now may not be found out. */
  readonly unguarded: boolean;
}

export interface LedgerGuard {
  /** To be asked before a transaction begins. What this node knows itself counts too, and alone while the other store is away. */
  known(sequences: readonly SequenceId[]): Promise<KnownMarks>;
  /** To be told after a commit and before anybody is answered. Resolves also when the other store is away: then it is told later. */
  note(marks: readonly LedgerMark[]): Promise<void>;
  /** A transaction was refused for a sequence that has changed less than this. */
  refused(known: LedgerMark): void;
  /** The other store cannot be reached. */
  lost(): void;
  /** Enters what the other store lacks: all there is in an empty one, and what could not be told. Done at the start, and when it is back. */
  catchUp(): Promise<void>;
  /** Compares everything. Done every minute anyway. */
  look(): Promise<void>;
  state(): GuardState;
  /** Follows the connections of both stores. */
  readonly listen: Emit;
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
  /** What the other store has not been told. */
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
  /** Runs what needs the other store. @returns undefined when it is away; other errors are thrown. */
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
      // What was raised meanwhile is owed still.
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
        // One of the two is away still; of that their connections tell.
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
        // What the other store has lost meanwhile.
        const found = [...behind.values()];
        for (let at = 0; at < found.length; at += PAGE) await compare(found.slice(at, at + PAGE));
      } catch {
        // Away: the next look will tell.
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

    listen: ({ type }) => {
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
