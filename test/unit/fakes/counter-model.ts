/**
 * The store's side of the counter protocol in memory: repeated calls, values given back, standby segments, late reports, no
 * value twice. It loses nothing by itself, so it counts in one epoch for ever.
 */
import type { CounterCall, CounterReply, StandbyAdvice } from '../../../src/core/counter/counter-call.ts';
import type { CounterReport, ReportReply } from '../../../src/core/counter/counter-fence.ts';
import { type Range, rangeSize } from '../../../src/core/values/range.ts';
import type { Receipt } from '../../../src/core/values/receipt.ts';
import { type SequenceId, sequenceKeyOf } from '../../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../src/core/values/value.ts';

interface Ahead extends Range {
  /** `node@call` of a standby segment; undefined when the values were issued. */
  readonly holder: string | undefined;
}

interface Sequence {
  value: bigint;
  free: Range[];
  ahead: Ahead[];
  readonly served: Map<string, { readonly call: number; readonly reply: CounterReply }>;
  corrupt: string | undefined;
}

export interface CounterModel {
  serve(call: CounterCall): CounterReply;
  /** Knows the node from now on. */
  takeIn(report: CounterReport): ReportReply;
  /** The sequence, to look into it or to spoil it. */
  of(name: SequenceId): Sequence;
}

const KEEP: StandbyAdvice = { kind: 'keep' };
const FENCE = { epoch: 1n, ceiling: VALUE_MAX, wanted: 0n };

const sum = (ranges: readonly Range[]): bigint => ranges.reduce((total, range) => total + rangeSize(range), 0n);
const upwards = (a: Range, b: Range): number => (a.first < b.first ? -1 : 1);

const release = (state: Sequence, { node, released }: CounterCall): void => {
  for (const { first, offeredIn, used } of released) {
    const segment = state.ahead.find((range) => range.first === first && range.holder === `${node}@${offeredIn}`);
    if (segment === undefined) continue;
    state.ahead = state.ahead.filter((range) => range !== segment);
    if (used > 0n) state.ahead.push({ first, last: first + used - 1n, holder: undefined });
    // Above the counter it is simply part of the supply again.
    if (segment.last <= state.value && first + used <= segment.last) {
      state.free.push({ first: first + used, last: segment.last });
    }
  }
  state.ahead.sort(upwards);
};

const take = (state: Sequence, { count, limit }: CounterCall): { range: Range; returned: boolean } => {
  const [free] = state.free;
  if (free !== undefined) {
    const end = free.first + BigInt(count) - 1n;
    const range = { first: free.first, last: end < free.last ? end : free.last };
    if (range.last === free.last) state.free.shift();
    else state.free[0] = { first: range.last + 1n, last: free.last };
    return { range, returned: true };
  }
  for (const { first, last } of state.ahead) if (first === state.value + 1n) state.value = last;
  const first = state.value + 1n;
  let last = state.value + BigInt(count);
  if (last > limit) last = limit;
  for (const range of state.ahead) if (range.first > state.value && range.first <= last) last = range.first - 1n;
  state.value = last;
  return { range: { first, last }, returned: false };
};

const advise = (state: Sequence, call: CounterCall): StandbyAdvice => {
  const { node, kind, standbySize, holding, usedInPart, limit } = call;
  if (kind === 'leave' || standbySize === 0) return KEEP;
  const isHeld = state.ahead.some(({ holder }) => holding !== undefined && holder === `${node}@${holding.offeredIn}`);
  if (isHeld && !usedInPart) return KEEP;
  let top = state.value;
  for (const { last } of state.ahead) if (last > top) top = last;
  const size = BigInt(standbySize);
  const segment = { first: top + 2n * size + 1n, last: top + 3n * size, offeredIn: call.call };
  if (segment.last > limit) return KEEP;
  state.ahead.push({ ...segment, holder: `${node}@${call.call}` });
  return { kind: 'offer', segment };
};

const serveNew = (state: Sequence, call: CounterCall): CounterReply => {
  if (state.value < call.initialSeq) state.value = call.initialSeq;
  release(state, call);
  state.free = [...state.free, ...call.returned].sort(upwards);
  if (call.count === 0) return { kind: 'nothing', standby: advise(state, call) };
  const ahead = state.ahead.filter(({ first, last }) => first > state.value && last <= call.limit);
  const inOrder = call.limit > state.value ? call.limit - state.value : 0n;
  const valuesLeft = sum(state.free) + inOrder - sum(ahead);
  if (valuesLeft < BigInt(call.count)) {
    return { kind: 'exhausted', valuesLeft, standby: call.holding === undefined ? KEEP : { kind: 'recall' } };
  }
  return { kind: 'taken', ...take(state, call), standby: advise(state, call) };
};

/** All values or none, with a receipt; one that is there answers. */
const serveKeyed = (state: Sequence, call: CounterCall, receipts: Map<string, Receipt>): CounterReply => {
  const { receipt: draft, sequence } = call;
  if (draft === undefined) throw new Error('a once needs a receipt');
  const kept = receipts.get(draft.hash);
  if (kept !== undefined && kept.fingerprint !== draft.fingerprint) return { kind: 'conflict' };
  if (kept !== undefined) return { kind: 'receipt', receipt: kept, replayed: true, standbyNear: false };
  const ranges: Range[] = [];
  for (let missing = call.count; missing > 0; ) {
    const reply = serveNew(state, { ...call, kind: 'take', count: missing, standbySize: 0 });
    if (reply.kind !== 'taken') return reply;
    ranges.push(reply.range);
    missing -= Number(rangeSize(reply.range));
  }
  const receipt = { ...draft, period: sequence.period, ranges };
  receipts.set(draft.hash, receipt);
  return { kind: 'receipt', receipt, replayed: false, standbyNear: false };
};

export const createCounterModel = (): CounterModel => {
  const sequences = new Map<string, Sequence>();
  const receipts = new Map<string, Receipt>();
  const of = (sequence: SequenceId): Sequence => {
    const key = sequenceKeyOf(sequence);
    const known = sequences.get(key);
    if (known !== undefined) return known;
    const state: Sequence = { value: 0n, free: [], ahead: [], served: new Map(), corrupt: undefined };
    sequences.set(key, state);
    return state;
  };
  return {
    of,
    takeIn: ({ sequence, node, settled }) => {
      const { corrupt, served } = of(sequence);
      if (corrupt !== undefined) return { kind: 'corrupt', reason: corrupt };
      if (!served.has(node)) served.set(node, { call: settled, reply: { kind: 'nothing', standby: KEEP } });
      return { kind: 'reported', fence: FENCE };
    },
    serve: (call) => {
      const state = of(call.sequence);
      if (state.corrupt !== undefined) return { kind: 'corrupt', reason: state.corrupt };
      const last = state.served.get(call.node);
      if (last === undefined && call.kind !== 'join') return { kind: 'forgotten' };
      if (call.kind === 'once') return serveKeyed(state, call, receipts);
      if (last !== undefined && call.call < last.call) return { kind: 'stale', lastCall: last.call };
      if (last !== undefined && call.call === last.call) return last.reply;
      const reply = serveNew(state, call);
      state.served.set(call.node, { call: call.call, reply });
      return reply;
    },
  };
};
