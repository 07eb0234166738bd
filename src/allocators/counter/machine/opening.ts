/** The life of a sequence on this node: it is opened when it is met first, and dropped when its session is over. */
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { Range } from '../../../core/values/range.ts';
import { type SequenceId, sequenceKeyOf } from '../../../core/values/sequence-id.ts';
import { VALUE_MAX } from '../../../core/values/value.ts';
import type { AllocationTarget } from '../../allocator.ts';
import { bidFarewell, keeperOf } from './ceiling.ts';
import { joinKeyed } from './keyed-waiters.ts';
import type { NodeState } from './node-state.ts';
import { resumeCalls } from './presence.ts';
import { forgetRecovery, recover, swearAndRecover } from './recovery.ts';
import { openRegistered } from './registration.ts';
import { createSequence, enter, makesCalls, type Sequence } from './sequence.ts';
import { giveBack, takeAllInHand } from './session.ts';
import { initialSeqOf } from './session-floor.ts';
import { beginAt, createCounterSession, inherit, owesReport, swear } from './session-state.ts';
import { followFloor, type KeyedWaiter, type Waiter } from './waiters.ts';

export const tooManySequences = (): StorageUnavailableError =>
  new StorageUnavailableError('Too many sequences are in use.');

const open = (node: NodeState, target: AllocationTarget, isStranger: boolean): Sequence => {
  const session = createCounterSession({
    sequence: target.sequence,
    node: node.node,
    nextCall: () => {
      node.calls += 1;
      return node.calls;
    },
    ceilingKeeper: () => keeperOf(node),
  });
  const sequence = createSequence(session, target, node.keepsCeilings ? 'opening' : 'joining');
  followFloor(sequence, target);
  const unstored = node.unstored.get(target.name);
  if (unstored !== undefined) inherit(session, unstored);
  node.unstored.delete(target.name);
  sequence.isStranger = isStranger;
  node.sequences.set(target.name, sequence);
  if (node.keepsCeilings) openRegistered(node, sequence);
  return sequence;
};

/** The sequence of a target. A request tries again what failed when it was opened. @returns undefined: too many are in use. */
export const findOrOpen = (node: NodeState, target: AllocationTarget): Sequence | undefined => {
  const known = node.sequences.get(target.name);
  if (known === undefined) return node.sequences.size < node.limits.queuesMax ? open(node, target, false) : undefined;
  followFloor(known, target);
  reopen(node, known);
  return known;
};

/** Reads the epoch again if that failed when the sequence was opened. */
export const reopen = (node: NodeState, sequence: Sequence): void => {
  if (sequence.phase !== 'opening' || sequence.trouble === undefined) return;
  sequence.trouble = undefined;
  openRegistered(node, sequence);
};

/** Takes in the epoch in which the sequence counts; undefined: it never did. */
export const takeInOpened = (node: NodeState, sequence: Sequence, epoch: bigint | undefined): void => {
  if (sequence.phase !== 'opening') return;
  const { session } = sequence;
  beginAt(session, epoch);
  // Opened because a recovery waits for this node.
  if (sequence.isStranger) swear(session);
  if (owesReport(session)) recover(node, sequence);
  else resumeCalls(node, sequence);
};

/** Each node that counts here reports for a recovery; where nodes are registered, each node that might count does too. */
export const joinRecovery = (node: NodeState, id: SequenceId): void => {
  const name = sequenceKeyOf(id);
  const sequence = node.sequences.get(name);
  if (sequence !== undefined) {
    if (makesCalls(sequence)) swearAndRecover(node, sequence);
  } else if (node.keepsCeilings && node.closing === undefined && node.sequences.size < node.limits.queuesMax) {
    open(node, { name, sequence: id, initialSeq: 0n, limit: VALUE_MAX, standbySize: 0 }, true);
  }
};

export const enqueue = (node: NodeState, sequence: Sequence, waiter: Waiter): void => {
  sequence.waiters.push(waiter);
  node.due.add(sequence);
};

export const enqueueKeyed = (node: NodeState, sequence: Sequence, waiter: KeyedWaiter): void => {
  if (joinKeyed(sequence, waiter)) node.due.add(sequence);
  node.dueKeyed.add(sequence);
};

/** Takes back values that were allocated but not issued. They are kept even if that makes one sequence too many. */
export const takeBack = (node: NodeState, target: AllocationTarget, ranges: readonly Range[]): void => {
  const sequence = findOrOpen(node, target) ?? open(node, target, false);
  for (const range of ranges.toReversed()) giveBack(sequence.session, range);
};

/** The session is over. Requests that arrived and values that were returned meanwhile move to the next one. */
export const drop = (node: NodeState, sequence: Sequence): void => {
  const { target, session } = sequence;
  for (const set of [node.due, node.dueKeyed, node.troubled, node.registration.waiting]) set.delete(sequence);
  forgetRecovery(node, sequence);
  node.sequences.delete(target.name);
  const waiters = sequence.waiters.splice(0);
  const keyed = sequence.keyed.splice(0);
  const values = takeAllInHand(session);
  enter(sequence, 'left');
  bidFarewell(node, sequence);
  if (waiters.length === 0 && keyed.length === 0 && values.length === 0) return;
  const next = open(node, target, false);
  // The target may be that of a request which came before `initialSeq` was raised, and was held up.
  followFloor(next, { ...target, initialSeq: initialSeqOf(session, target) });
  for (const range of values.toReversed()) giveBack(next.session, range);
  for (const waiter of waiters) enqueue(node, next, waiter);
  for (const waiter of keyed) enqueueKeyed(node, next, waiter);
  node.due.add(next);
};
