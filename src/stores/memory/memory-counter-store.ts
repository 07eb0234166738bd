/** Counters in memory: the reference implementation for tests. It forgets everything with the process. */

import { createOwnClaims } from '../../core/allowance/own-claims.ts';
import type { CounterCall, CounterReply } from '../../core/counter/counter-call.ts';
import { advanceCounter, type CounterMove, serveCounterCall, settleReturned } from '../../core/counter/counter-rule.ts';
import type { CounterStore } from '../../core/counter/counter-store.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import type { Closure } from '../../core/values/closure.ts';
import type { Gap } from '../../core/values/gap.ts';
import { isExpired, type Receipt } from '../../core/values/receipt.ts';
import { type SequenceId, sequenceKeyOf } from '../../core/values/sequence-id.ts';
import { parseValue } from '../../core/values/value.ts';
import { listPeriodsAmong } from './period-listing.ts';

export interface MemoryCounterStore extends CounterStore {
  /** Puts the last value taken into the store, as an operator would; any text. */
  preload(name: SequenceId, value: string): void;
  /** The last value taken. */
  read(name: SequenceId): string | undefined;
}

const CORRUPT = { kind: 'corrupt', reason: 'the counter is not a value' } as const;

export const createMemoryCounterStore = (): MemoryCounterStore => {
  const counters = new Map<string, string>();
  const origins = new Map<string, bigint>();
  const gaps = new Map<string, Gap[]>();
  const closures = new Map<string, Closure>();
  /** The oldest first. */
  const receipts = new Map<string, Receipt>();
  const claimIn = createOwnClaims();

  const move = <Reply>(
    { sequence, initialSeq }: Pick<CounterCall, 'sequence' | 'initialSeq'>,
    rule: (stored: bigint | undefined) => CounterMove<Reply>,
  ): Reply | typeof CORRUPT => {
    const key = sequenceKeyOf(sequence);
    const text = counters.get(key);
    const stored = text === undefined ? undefined : parseValue(text);
    if (text !== undefined && stored === undefined) return CORRUPT;
    const { reply, value, jumped } = rule(stored);
    if (value !== undefined) {
      if (stored === undefined) origins.set(key, initialSeq);
      counters.set(key, value.toString());
    }
    if (jumped !== undefined) {
      const gap: Gap = { range: jumped, reason: 'advance', node: undefined, recordedAtMs: Date.now() };
      gaps.set(key, [...(gaps.get(key) ?? []), gap]);
    }
    return reply;
  };

  const takeBack = ({ sequence, returned, initialSeq }: CounterCall): void => {
    const key = sequenceKeyOf(sequence);
    const stored = returned.length === 0 ? undefined : parseValue(counters.get(key) ?? '');
    if (stored === undefined) return;
    const settled = settleReturned(stored, returned, initialSeq);
    counters.set(key, settled.value.toString());
    const recorded = settled.gaps.map((gap): Gap => ({ ...gap, node: undefined, recordedAtMs: Date.now() }));
    gaps.set(
      key,
      [...(gaps.get(key) ?? []), ...recorded].sort((a, b) => (a.range.first < b.range.first ? -1 : 1)),
    );
  };

  const keep = (hash: string, receipt: Receipt): void => {
    for (const [old, { atMs }] of receipts) {
      if (!isExpired({ atMs }, receipt.atMs)) break;
      receipts.delete(old);
    }
    receipts.set(hash, receipt);
  };

  const serve = (call: CounterCall): CounterReply => {
    const { sequence } = call;
    const isClosed = closures.has(sequenceKeyOf(sequence));
    takeBack(call);
    return move(call, (stored) =>
      serveCounterCall(stored, call, isClosed, { find: (hash) => receipts.get(hash), keep }),
    );
  };

  return {
    source: 'memory',
    reserve: async (calls) => calls.map(serve),
    claim: async (draft) => claimIn(draft, (hash) => receipts.get(hash)),
    advance: async (request) =>
      closures.has(sequenceKeyOf(request.sequence))
        ? { kind: 'closed' }
        : move(request, (stored) => advanceCounter(stored, request)),
    close: async (sequence, closure) => {
      const first = closures.get(sequenceKeyOf(sequence)) ?? closure;
      closures.set(sequenceKeyOf(sequence), first);
      return first;
    },
    listPeriods: async (series, after, limit) => listPeriodsAmong(counters.keys(), series, after, limit),
    inspect: async (sequence) => {
      const text = counters.get(sequenceKeyOf(sequence));
      const value = text === undefined ? undefined : parseValue(text);
      if (text !== undefined && value === undefined)
        throw new CorruptEntryError(sequence.series.prefixKey, CORRUPT.reason);
      const [origin, closed] = [origins.get(sequenceKeyOf(sequence)), closures.get(sequenceKeyOf(sequence))];
      return { value, origin, free: [], ahead: [], changes: '', recovering: false, closed };
    },
    listGaps: async (sequence, after, limit) =>
      (gaps.get(sequenceKeyOf(sequence)) ?? []).filter(({ range }) => range.first > after).slice(0, limit),
    countGaps: async (sequence) => gaps.get(sequenceKeyOf(sequence))?.length ?? 0,
    findReceipt: async (_series, hash) => receipts.get(hash),
    checkHealth: async () => undefined,
    onReachable: () => undefined,
    preload: (name, value) => {
      counters.set(sequenceKeyOf(name), value);
    },
    read: (name) => counters.get(sequenceKeyOf(name)),
  };
};
