/** The rule of a counter: how a call moves it. Stores that compute in this process share it. */

import type { Range } from '../values/range.ts';
import { isExpired, type Receipt, type ReceiptDraft } from '../values/receipt.ts';
import type { AdvanceReply, AdvanceRequest, CounterCall, CounterReply } from './counter-call.ts';

export interface CounterMove<Reply> {
  readonly reply: Reply;
  /** Where the counter stands afterwards; undefined when it did not move. */
  readonly value: bigint | undefined;
  /** What was jumped on the way, for the gap record. */
  readonly jumped: Range | undefined;
}

type Terms = Pick<CounterCall, 'initialSeq' | 'limit'>;

/** Where counting continues: above the larger of the counter and initialSeq. Passing the counter leaves a gap. */
const begin = (stored: bigint | undefined, { initialSeq, limit }: Terms) => {
  const value = stored === undefined || stored < initialSeq ? initialSeq : stored;
  const jumped = stored !== undefined && stored < initialSeq ? { first: stored + 1n, last: initialSeq } : undefined;
  return { value, jumped, valuesLeft: value < limit ? limit - value : 0n };
};

/** The effect of values that were given back unused. */
export interface ReturnedValues {
  /** Where the counter stands afterwards. */
  readonly value: bigint;
  readonly gaps: readonly { readonly range: Range; readonly reason: 'advance' | 'void' }[];
}

/**
 * Values given back are issued next if they are the latest and above initialSeq. The others are recorded: at or below
 * initialSeq as passed over by an operator, above it as taken back.
 */
export const settleReturned = (stored: bigint, returned: readonly Range[], initialSeq: bigint): ReturnedValues => {
  let value = stored;
  const gaps: { range: Range; reason: 'advance' | 'void' }[] = [];
  for (const { first, last } of returned.toSorted((a, b) => (a.first < b.first ? 1 : -1))) {
    const from = first > initialSeq ? first : initialSeq + 1n;
    if (from <= last) {
      if (last === value) value = from - 1n;
      else gaps.push({ range: { first: from, last }, reason: 'void' });
    }
    if (first < from) gaps.push({ range: { first, last: last < from ? last : from - 1n }, reason: 'advance' });
  }
  return { value, gaps };
};

/** @param stored the last value taken, or `undefined` when none was. */
export const takeFromCounter = (
  stored: bigint | undefined,
  call: Pick<CounterCall, 'count' | 'initialSeq' | 'limit'>,
): CounterMove<CounterReply> => {
  const { value, jumped, valuesLeft } = begin(stored, call);
  const standby = { kind: 'keep' } as const;
  if (call.count === 0) return { reply: { kind: 'nothing', standby }, value: undefined, jumped: undefined };
  if (valuesLeft < BigInt(call.count)) {
    return { reply: { kind: 'exhausted', valuesLeft, standby }, value: undefined, jumped: undefined };
  }
  const range = { first: value + 1n, last: value + BigInt(call.count) };
  return { reply: { kind: 'taken', range, returned: false, standby }, value: range.last, jumped };
};

/**
 * A `once`: answered by a receipt that is still valid, and otherwise taken like any other call.
 * @param known the receipt under its hash, of whatever sequence. @returns the receipt to be written in the same step, if any.
 */
const takeKeyed = (
  stored: bigint | undefined,
  call: CounterCall,
  draft: ReceiptDraft,
  known: Receipt | undefined,
): CounterMove<CounterReply> & { readonly receipt: Receipt | undefined } => {
  const stays = { value: undefined, jumped: undefined, receipt: undefined };
  if (known !== undefined && !isExpired(known, draft.atMs)) {
    if (known.fingerprint !== draft.fingerprint) return { reply: { kind: 'conflict' }, ...stays };
    return { reply: { kind: 'receipt', receipt: known, replayed: true, standbyNear: false }, ...stays };
  }
  const move = takeFromCounter(stored, call);
  if (move.reply.kind !== 'taken') return { ...move, receipt: undefined };
  const { fingerprint, atMs, series } = draft;
  const receipt = { fingerprint, atMs, series, period: call.sequence.period, ranges: [move.reply.range] };
  return { ...move, reply: { kind: 'receipt', receipt, replayed: false, standbyNear: false }, receipt };
};

/** The reply of a closed sequence: values that the call was given before, and nothing new. */
const refuseClosed = (move: CounterMove<CounterReply>): CounterMove<CounterReply> =>
  move.value === undefined && move.reply.kind !== 'exhausted'
    ? move
    : { reply: { kind: 'closed', standby: { kind: 'keep' } }, value: undefined, jumped: undefined };

/** Where a store keeps the answers to requests with a key. */
interface KeptReceipts {
  find(hash: string): Receipt | undefined;
  keep(hash: string, receipt: Receipt): void;
}

/** What a store does for one call, in one step: a new receipt is kept on the way. */
export const serveCounterCall = (
  stored: bigint | undefined,
  call: CounterCall,
  isClosed: boolean,
  receipts: KeptReceipts,
): CounterMove<CounterReply> => {
  const { receipt: draft } = call;
  if (draft === undefined) {
    const taken = takeFromCounter(stored, call);
    return isClosed ? refuseClosed(taken) : taken;
  }
  const taken = takeKeyed(stored, call, draft, receipts.find(draft.hash));
  if (isClosed) return refuseClosed(taken);
  if (taken.receipt !== undefined) receipts.keep(draft.hash, taken.receipt);
  return taken;
};

/** @param stored the last value taken, or `undefined` when none was. */
export const advanceCounter = (stored: bigint | undefined, request: AdvanceRequest): CounterMove<AdvanceReply> => {
  const { value, valuesLeft } = begin(stored, request);
  const stays = { value: undefined, jumped: undefined };
  if (request.to <= value) return { reply: { kind: 'behind', current: value }, ...stays };
  if (request.to > request.limit) return { reply: { kind: 'exhausted', valuesLeft }, ...stays };
  return {
    reply: { kind: 'advanced', from: value, to: request.to },
    value: request.to,
    jumped: { first: (stored ?? request.initialSeq) + 1n, last: request.to },
  };
};
