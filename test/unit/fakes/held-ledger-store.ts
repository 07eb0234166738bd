/** A ledger in memory that a test holds up, fails, or leaves without an answer. */
import { DataRefusedError, StorageUnavailableError } from '../../../src/core/errors.ts';
import { shareValues } from '../../../src/core/ledger/ledger-rule.ts';
import type { LedgerAnswer, LedgerStore, LedgerTake, TakeOutcome } from '../../../src/core/ledger/ledger-store.ts';

/** What becomes of a call: it is done; it fails, or is refused for its data, and has done nothing; it is done, or not, and nobody hears of it. */
type Fate = 'done' | 'failed' | 'refused' | 'done unheard' | 'undone unheard';

export interface HeldLedgerCall {
  readonly operation: string;
  /** Prefix keys and counts, `A 1`. */
  readonly takes: readonly string[];
  end(fate?: Fate): void;
}

export interface HeldLedgerStore extends Pick<LedgerStore, 'source' | 'take' | 'cancel'> {
  /** The calls that wait for their end, in the order in which they came. */
  readonly held: HeldLedgerCall[];
  readonly cancelled: string[];
  /** Lets cancelling fail. */
  away: boolean;
}

export const createHeldLedgerStore = (): HeldLedgerStore => {
  const values = new Map<string, bigint>();
  const done = new Map<string, readonly LedgerAnswer[]>();
  const held: HeldLedgerCall[] = [];
  const cancelled: string[] = [];

  const answer = (take: LedgerTake): LedgerAnswer => {
    const { prefixKey } = take.sequence.series;
    const { grants, value } = shareValues(values.get(prefixKey), [], [take]);
    if (value !== undefined) values.set(prefixKey, value);
    const [grant] = grants;
    return grant?.kind === 'taken' ? { ...grant, expiresAtMs: 77 } : { kind: 'exhausted', valuesLeft: 0n };
  };
  const answers = (operation: string, takes: readonly LedgerTake[]): readonly LedgerAnswer[] => {
    const known = done.get(operation) ?? takes.map(answer);
    done.set(operation, known);
    return known;
  };

  const store: HeldLedgerStore = {
    source: 'memory',
    held,
    cancelled,
    away: false,
    take: (operation, takes) =>
      new Promise<TakeOutcome>((resolve, reject) => {
        const call: HeldLedgerCall = {
          operation,
          takes: takes.map(({ sequence, count }) => `${sequence.series.prefixKey} ${count}`),
          end: (fate = 'done') => {
            held.splice(held.indexOf(call), 1);
            if (fate === 'failed') return reject(new StorageUnavailableError('away'));
            if (fate === 'refused') return reject(new DataRefusedError());
            if (fate !== 'undone unheard') answers(operation, takes);
            if (fate === 'done') return resolve({ kind: 'done', marks: [], answers: answers(operation, takes) });
            resolve({ kind: 'unknown', reason: new StorageUnavailableError('cut') });
          },
        };
        held.push(call);
      }),
    cancel: async (operation) => {
      if (store.away) throw new StorageUnavailableError('away');
      cancelled.push(operation);
      return [];
    },
  };
  return store;
};
