/** What callers want of the node: values, values with a receipt, a standby kept ready, a sequence recovered. */
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { KeyRefusal, ReceiptDraft } from '../../../core/values/receipt.ts';
import { type SequenceId, sequenceKeyOf } from '../../../core/values/sequence-id.ts';
import type { AllocationTarget, KeyedAllocation } from '../../allocator.ts';
import { requireClaim } from '../../key-claims.ts';
import type { NodeState } from './node-state.ts';
import { enqueue, enqueueKeyed, findOrOpen, joinRecovery, reopen, tooManySequences } from './opening.ts';
import { refusalOf, stopping, troubleOf } from './presence.ts';
import { makesCalls, PHASES, touch } from './sequence.ts';
import {
  answer,
  countWaiting,
  type KeyedWaiter,
  refuse,
  serveFromHand,
  serveFromStandby,
  type Ticket,
  type Waiter,
} from './waiters.ts';

export interface KeyedRequest {
  readonly ticket: Ticket<KeyedAllocation>;
  readonly target: AllocationTarget;
  readonly count: number;
  readonly receipt: ReceiptDraft;
}

const tooManyRequests = (): StorageUnavailableError =>
  new StorageUnavailableError('Too many requests are waiting for the store.');

/** A request is served from what is in hand, or from the standby while the store cannot serve it; else it waits. */
export const takeRequest = (node: NodeState, waiter: Waiter): void => {
  const { ticket, target } = waiter;
  node.arrived += 1;
  const sequence = findOrOpen(node, target);
  if (sequence === undefined) {
    answer(node, { do: 'refuse', ticket, error: tooManySequences() });
    return;
  }
  touch(sequence, target);
  const { session, phase, trouble } = sequence;
  if (target.isEnding) waiter.lastCall = node.calls;
  if (node.presence !== 'present') {
    if (serveFromStandby(node, session, waiter)) return;
    if (node.presence === 'away') {
      refuse(node, session, waiter, refusalOf(node));
      return;
    }
  } else if (PHASES[phase].request === 'serve') {
    if (serveFromStandby(node, session, waiter)) return;
    if (trouble !== undefined) {
      refuse(node, session, waiter, troubleOf(sequence));
      return;
    }
  } else if (waiter.lastCall === undefined && sequence.waiters.length === 0 && serveFromHand(node, session, waiter))
    return;
  if (countWaiting(node) > node.limits.waitingMax) refuse(node, session, waiter, tooManyRequests());
  else enqueue(node, sequence, waiter);
};

/** Never from the standby or from values in hand: other nodes could not learn which key they belong to. */
const takeClaimed = (node: NodeState, waiter: KeyedWaiter): void => {
  const { ticket, target } = waiter;
  const refuseKeyed = (error: unknown): void => answer(node, { do: 'refuse', ticket, error });
  const sequence = findOrOpen(node, target);
  if (sequence === undefined) {
    refuseKeyed(tooManySequences());
    return;
  }
  touch(sequence, target);
  if (node.presence === 'away') refuseKeyed(refusalOf(node));
  else if (sequence.trouble !== undefined) refuseKeyed(troubleOf(sequence));
  else enqueueKeyed(node, sequence, waiter);
};

export const takeKeyedRequest = (node: NodeState, { ticket, target, count, receipt }: KeyedRequest): void => {
  node.arrived += 1;
  const waiter: KeyedWaiter = { ticket, target, count, receipt, patienceEndMs: undefined, needsRoom: false };
  if (node.presence === 'away') answer(node, { do: 'refuse', ticket, error: refusalOf(node) });
  else if (countWaiting(node) > node.limits.waitingMax)
    answer(node, { do: 'refuse', ticket, error: tooManyRequests() });
  else if (node.claimsKeys) node.effects.push({ do: 'claim', waiter });
  else takeClaimed(node, waiter);
};

/** Where the key of a request was claimed. */
export const takeInClaim = (node: NodeState, waiter: KeyedWaiter, claimed: boolean | KeyRefusal): void => {
  try {
    requireClaim(waiter.receipt, claimed);
  } catch (error) {
    answer(node, { do: 'refuse', ticket: waiter.ticket, error });
    return;
  }
  takeClaimed(node, waiter);
};

/** Keeps a standby segment ready for a sequence that had no request yet. */
export const prepare = (node: NodeState, target: AllocationTarget): void => {
  if (node.presence === 'away') return;
  const sequence = findOrOpen(node, target);
  if (sequence !== undefined && sequence.session.standby.segment === undefined && makesCalls(sequence))
    node.due.add(sequence);
};

/** Whether a call may be made for the sequence now. @throws what a request would be refused with. */
export const requirePresence = (node: NodeState): void => {
  if (node.presence === 'away') throw refusalOf(node);
  if (node.closing !== undefined) throw stopping();
};

/** Opens a sequence without taking a value, so that a recovery it needs runs. */
export const checkSequence = (node: NodeState, id: SequenceId, target: AllocationTarget | undefined): void => {
  const known = node.sequences.get(sequenceKeyOf(id));
  if (known === undefined && target === undefined) {
    joinRecovery(node, id);
    return;
  }
  const sequence = known ?? (target && findOrOpen(node, { ...target, standbySize: 0 }));
  if (sequence === undefined) return;
  reopen(node, sequence);
  if (makesCalls(sequence) && known?.session.pending === undefined) node.due.add(sequence);
};
