/** The trips to the counter store: what goes into the next one, and what the replies mean. */
import type { CounterReply } from '../../../core/counter/counter-call.ts';
import { CorruptEntryError, PeriodClosedError } from '../../../core/errors.ts';
import { columnsOf } from '../../../core/values/sequence-id.ts';
import { keepAhead, meetCeiling } from './ceiling.ts';
import { makeKeyedEntries, settleKeyedEntry, termsBeside } from './keyed-waiters.ts';
import { emit, type NodeState, type TripEntry } from './node-state.ts';
import { drop } from './opening.ts';
import { recover } from './recovery.ts';
import { isLapsed, reenter } from './registration.ts';
import { enter, makesCalls, makesKeyedCalls, type Sequence, shouldReport } from './sequence.ts';
import { makeCall, makeLeave, settleCall } from './session.ts';
import { countWanted, refuseAll, refuseWhoDoesNotFit, serveInOrder, serveWithoutStore } from './waiters.ts';

/** The next numbered call of a sequence; undefined when the store never heard of a session that leaves. */
const nextCall = (node: NodeState, sequence: Sequence) => {
  serveInOrder(node, sequence);
  const { session, target } = sequence;
  if (sequence.phase === 'leaving') return makeLeave(session, target);
  return makeCall(session, countWanted(sequence, node.limits.entryValuesMax), termsBeside(sequence));
};

/** Numbered calls first: they give up standbys that keyed entries need room for. */
const nextEntries = (node: NodeState): TripEntry[] => {
  const { due, dueKeyed, limits } = node;
  const entries: TripEntry[] = [];
  for (const sequence of due) {
    if (entries.length === limits.callEntriesMax) return entries;
    due.delete(sequence);
    if (!makesCalls(sequence)) continue;
    const call = nextCall(node, sequence);
    if (call === undefined) drop(node, sequence);
    else entries.push({ sequence, call });
  }
  for (const sequence of dueKeyed) {
    if (entries.length === limits.callEntriesMax) break;
    // Waiters that this trip does not serve are added again once the sequence can make calls.
    dueKeyed.delete(sequence);
    if (!makesKeyedCalls(sequence)) continue;
    for (const entry of makeKeyedEntries(sequence, limits.callEntriesMax - entries.length))
      entries.push({ sequence, ...entry });
  }
  return entries;
};

/** Sends what is due, unless a trip is under way. */
export const sendTrip = (node: NodeState): void => {
  if (node.trip !== undefined) return;
  while (node.due.size > 0 || node.dueKeyed.size > 0) {
    const entries = nextEntries(node);
    if (entries.length === 0) continue;
    node.trip = { patienceEndMs: node.nowMs + node.limits.patienceMs };
    node.effects.push({ do: 'reserve', entries, calls: entries.map(({ call }) => call) });
    return;
  }
};

/** A reply was taken in, and the sequence can go on. */
const goOn = (node: NodeState, sequence: Sequence, isCallDue: boolean): void => {
  // A recovery began while the call was under way. What is due is found again after it.
  if (!makesCalls(sequence)) return;
  if (isCallDue) node.due.add(sequence);
  if (sequence.keyed.length > 0) node.dueKeyed.add(sequence);
  if (isLapsed(node, node.nowMs)) reenter(node, sequence);
  else keepAhead(node, sequence);
};

/** The store demands a report first. Until that is done the standby serves. */
const meetRecovery = (node: NodeState, sequence: Sequence): void => {
  serveWithoutStore(node, sequence);
  if (sequence.phase !== 'recovering')
    emit(node, { type: 'sequence-recovering', ...columnsOf(sequence.target.sequence) });
  recover(node, sequence);
};

const waitAtCeiling = (node: NodeState, sequence: Sequence, value: bigint): void => {
  serveWithoutStore(node, sequence);
  meetCeiling(node, sequence, value);
};

const takeInNumbered = (node: NodeState, sequence: Sequence, callNumber: number, reply: CounterReply): void => {
  const { target, waiters } = sequence;
  const { series, period } = target.sequence;
  const settlement = settleCall(sequence.session, callNumber, reply);
  if (sequence.phase === 'joining' && sequence.session.standing === 'known') enter(sequence, 'serving');
  const isLeaving = sequence.phase === 'leaving';
  switch (settlement.kind) {
    case 'left':
    case 'usurped':
      drop(node, sequence);
      return;
    case 'corrupt':
      refuseAll(node, sequence, new CorruptEntryError(series.prefixKey, settlement.reason));
      if (isLeaving) drop(node, sequence);
      else goOn(node, sequence, false);
      return;
    case 'exhausted':
      refuseWhoDoesNotFit(node, sequence, settlement.valuesLeft);
      goOn(node, sequence, sequence.waiters.length > 0 || isLeaving);
      return;
    case 'closed':
      refuseAll(node, sequence, new PeriodClosedError(series.prefixKey, period));
      goOn(node, sequence, isLeaving || shouldReport(sequence));
      return;
    case 'again':
    case 'late':
      goOn(node, sequence, true);
      return;
    case 'report':
      meetRecovery(node, sequence);
      return;
    case 'ceiling':
      waitAtCeiling(node, sequence, settlement.value);
      return;
    case 'settled':
      if (waiters.length > 0) serveInOrder(node, sequence);
      goOn(node, sequence, sequence.waiters.length > 0 || isLeaving || shouldReport(sequence));
  }
};

const takeInKeyed = (node: NodeState, { sequence, waiter }: TripEntry, reply: CounterReply): void => {
  if (waiter === undefined) return;
  const outcome = settleKeyedEntry(node, sequence, waiter, reply);
  if (outcome.kind === 'settled') goOn(node, sequence, outcome.callDue);
  else if (outcome.kind === 'report') meetRecovery(node, sequence);
  else waitAtCeiling(node, sequence, outcome.value);
};

export const takeInReplies = (
  node: NodeState,
  entries: readonly TripEntry[],
  replies: readonly CounterReply[],
): void => {
  entries.forEach((entry, index) => {
    const reply = replies[index];
    // The reply to an earlier entry of the trip may have ended the session, or the next one has begun.
    if (reply === undefined || entry.sequence.phase === 'left') return;
    if (entry.waiter === undefined) takeInNumbered(node, entry.sequence, entry.call.call, reply);
    else takeInKeyed(node, entry, reply);
  });
};
