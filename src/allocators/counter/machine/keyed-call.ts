/** Entries with a receipt, beside the numbered calls of a session: how one is made, and what its answer means. */
import type { CounterCall, CounterReply } from '../../../core/counter/counter-call.ts';
import { countOf } from '../../../core/values/range.ts';
import type { Receipt, ReceiptDraft } from '../../../core/values/receipt.ts';
import type { CallTerms } from '../../allocator.ts';
import { initialSeqOf } from './session-floor.ts';
import {
  isKnown,
  isOutdated,
  owesReport,
  type Refusal,
  type SessionState,
  settleRefusal,
  windowOf,
} from './session-state.ts';
import { addTaken, hasTaken } from './taken-history.ts';

/** What the answer to a `once` means. */
export type KeyedSettlement =
  /** `standbyDue`: make a call, so that the store looks at the standby. */
  | { readonly kind: 'settled'; readonly receipt: Receipt; readonly replayed: boolean; readonly standbyDue: boolean }
  /** The receipt is another request's. */
  | { readonly kind: 'conflict' }
  /** The sequence gives no more values. */
  | { readonly kind: 'closed' }
  /** Fewer values are left in common. */
  | { readonly kind: 'exhausted'; readonly valuesLeft: bigint }
  /** The call is void: make it again when calls can be made. */
  | { readonly kind: 'again' }
  /** Make it again after that. */
  | Refusal;

/**
 * An entry that takes `count` values with a receipt. It is not a numbered call: the receipt records its outcome, so it
 * may be made again at any time.
 */
export const makeKeyedCall = (
  state: SessionState,
  count: number,
  terms: CallTerms,
  receipt: ReceiptDraft,
): CounterCall => {
  if (!isKnown(state)) throw new Error('the store does not know this session');
  return {
    sequence: state.sequence,
    node: state.node,
    call: 0,
    kind: 'once',
    count,
    initialSeq: initialSeqOf(state, terms),
    limit: terms.limit,
    standbySize: 0,
    epoch: state.epoch,
    window: windowOf(state, terms),
    reissued: false,
    holding: undefined,
    usedInPart: false,
    released: [],
    returned: [],
    seen: state.seen,
    receipt,
  };
};

/**
 * A receipt that was found names values that were issued, perhaps in a lost reply. This node keeps them, to report them
 * if the store loses its state.
 */
const learn = (state: SessionState, { period, ranges }: Receipt, replayed: boolean): void => {
  if (period !== state.sequence.period) return;
  for (const range of ranges) {
    // A receipt that is read repeatedly must not push newer ranges out of the history.
    if (!replayed || !hasTaken(state.history, range)) addTaken(state.history, range, state.seen);
    if (!replayed) state.given += countOf(range);
    if (range.last > state.seen) state.seen = range.last;
  }
};

export const settleKeyedCall = (state: SessionState, reply: CounterReply): KeyedSettlement => {
  if (owesReport(state) || isOutdated(state, reply.fence)) return { kind: 'again' };
  switch (reply.kind) {
    case 'receipt': {
      const { receipt, replayed, standbyNear } = reply;
      learn(state, receipt, replayed);
      return { kind: 'settled', receipt, replayed, standbyDue: standbyNear || (!replayed && !state.standby.segment) };
    }
    case 'conflict':
    case 'closed':
      return { kind: reply.kind };
    case 'exhausted':
      return { kind: 'exhausted', valuesLeft: reply.valuesLeft };
    case 'corrupt':
    case 'ceiling':
    case 'forgotten':
    case 'recovering':
      return settleRefusal(state, reply);
    case 'taken':
    case 'nothing':
    case 'stale':
      throw new Error(`a once was answered ${reply.kind}`);
  }
};
