/**
 * The machine of a node: an event in, what is to be done out. No promise, timer, clock or store is inside; the same
 * state and the same event lead to the same effects.
 */

import type { Range } from '../../../core/values/range.ts';
import type { SequenceId } from '../../../core/values/sequence-id.ts';
import type { AllocationTarget } from '../../allocator.ts';
import { type AdvanceWanted, beginAdvance, retryAdvances } from './advance.ts';
import { sendTrip } from './calls.ts';
import { retryCeiling, settle } from './ceiling.ts';
import { sendMoves } from './moves.ts';
import { type Answered, type Ask, type Effect, type NodeState, type Reader, takeFrom } from './node-state.ts';
import { joinRecovery, takeBack } from './opening.ts';
import { takeInAnswer, takeInFailure } from './outcomes.ts';
import { losePatience, retry, stopping } from './presence.ts';
import { sendReports } from './recovery.ts';
import { reenter, renew } from './registration.ts';
import { checkSequence, type KeyedRequest, prepare, takeKeyedRequest, takeRequest } from './requests.ts';
import { makesCalls, tickIdle } from './sequence.ts';
import { beginClosing, leaveSequences, unregister } from './shutdown.ts';
import type { Waiter } from './waiters.ts';

/** What happened. */
export type NodeEvent =
  | Waiter
  | ({ readonly kind: 'keyed-request' } & KeyedRequest)
  | ({ readonly kind: 'advance' } & AdvanceWanted)
  | { readonly kind: 'prepare'; readonly target: AllocationTarget }
  | { readonly kind: 'give-back'; readonly target: AllocationTarget; readonly ranges: readonly Range[] }
  | { readonly kind: 'check'; readonly id: SequenceId; readonly target: AllocationTarget | undefined }
  /** A recovery of the sequence has begun. A hint: nothing depends on it. */
  | { readonly kind: 'recovery-began'; readonly id: SequenceId }
  /** The counter store can be reached again. A hint. */
  | { readonly kind: 'reachable' }
  | { readonly kind: 'replicas'; readonly hasReplicas: boolean }
  /** The time that `wakeAtMs` named has come, or an earlier one. */
  | { readonly kind: 'woke' }
  | { readonly kind: 'close' }
  | { readonly kind: 'failed'; readonly ask: Ask; readonly error: unknown }
  | Answered;

/** It may be another server, or the same one with an older state: every sequence makes a call, idle ones too. */
const beReachable = (node: NodeState): void => {
  retry(node);
  if (!node.isFenced) return;
  // Those with something to say go first: the others find out more only if that succeeds.
  sendTrip(node);
  // The trip leaves out those that cannot make calls.
  for (const sequence of node.sequences.values()) node.due.add(sequence);
};

/** The idle clock. */
const tick = (node: NodeState): void => {
  if (node.presence === 'away') return;
  for (const sequence of node.sequences.values()) {
    if (!makesCalls(sequence)) continue;
    const idle = tickIdle(sequence, node.limits);
    if (idle === 'report') node.due.add(sequence);
    else if (idle === 'leave') settle(node, sequence);
  }
};

const isDue = (atMs: number | undefined, nowMs: number): boolean => atMs !== undefined && atMs <= nowMs;

/** Tries again what failed for a sequence that cannot make calls. */
const retryTroubled = (node: NodeState): void => {
  for (const sequence of node.troubled) {
    if (!isDue(sequence.retryAtMs, node.nowMs)) continue;
    sequence.retryAtMs = undefined;
    node.troubled.delete(sequence);
    // Nothing else is tried again by the clock: see who passes `retryMs` to `standInTrouble`.
    if (sequence.phase === 'at-ceiling') retryCeiling(node, sequence);
    else reenter(node, sequence);
  }
};

const wake = (node: NodeState): void => {
  const { nowMs, limits } = node;
  if (isDue(node.trip?.patienceEndMs, nowMs)) losePatience(node);
  if (isDue(node.retryAtMs, nowMs)) retry(node);
  if (isDue(node.tickAtMs, nowMs)) {
    node.tickAtMs = nowMs + limits.tickMs;
    tick(node);
  }
  renew(node);
  retryTroubled(node);
  retryAdvances(node);
};

const handle = (node: NodeState, event: NodeEvent): void => {
  switch (event.kind) {
    case 'request':
      takeRequest(node, event);
      break;
    case 'answered':
      takeInAnswer(node, event);
      break;
    case 'keyed-request':
      takeKeyedRequest(node, event);
      break;
    case 'woke':
      wake(node);
      break;
    case 'failed':
      takeInFailure(node, event.ask, event.error);
      break;
    case 'give-back':
      takeBack(node, event.target, event.ranges);
      break;
    case 'prepare':
      prepare(node, event.target);
      break;
    case 'advance':
      beginAdvance(node, event);
      break;
    case 'check':
      checkSequence(node, event.id, event.target);
      break;
    case 'recovery-began':
      joinRecovery(node, event.id);
      break;
    case 'reachable':
      beReachable(node);
      break;
    case 'replicas':
      node.hasReplicas = event.hasReplicas;
      break;
    case 'close':
      beginClosing(node);
      break;
  }
};

const itself = (reader: Reader): Reader => reader;

const sendReads = ({ node, reads, limits, effects }: NodeState): void => {
  const readers = takeFrom(reads, limits.ceilingsMax, itself);
  if (readers === undefined) return;
  reads.isUnderWay = true;
  effects.push({ do: 'read', readers, node });
};

/** Sends whatever is due. Everything that decides only says what is due, so that it travels together. */
const send = (node: NodeState): void => {
  leaveSequences(node);
  sendTrip(node);
  // What was due may have needed no trip: then no reply follows that would go on with the end.
  leaveSequences(node);
  sendReports(node);
  sendReads(node);
  sendMoves(node);
  unregister(node);
};

/** No request should come after the end. One that does is answered all the same. */
const refuseAfterEnd = (event: NodeEvent): readonly Effect[] => {
  const error = stopping();
  if (event.kind === 'request' || event.kind === 'keyed-request')
    return [{ do: 'refuse', ticket: event.ticket, error }];
  return event.kind === 'advance' ? [{ do: 'refuse-advance', ticket: event.ticket, error }] : [];
};

const NOTHING: readonly Effect[] = [];

/** Takes in an event that happened at `nowMs`. @returns what is to be done, in order. */
export const step = (node: NodeState, event: NodeEvent, nowMs: number): readonly Effect[] => {
  if (node.closing?.stage === 'ended') return refuseAfterEnd(event);
  node.nowMs = nowMs;
  handle(node, event);
  send(node);
  const { effects } = node;
  // As after most events: a request joins the line.
  if (effects.length === 0) return NOTHING;
  node.effects = [];
  return effects;
};

const earliest = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || (b !== undefined && b < a) ? b : a;

const retryOfAny = ({ troubled, advances }: NodeState): number | undefined => {
  let atMs: number | undefined;
  for (const { retryAtMs } of troubled) atMs = earliest(atMs, retryAtMs);
  for (const { retryAtMs } of advances) atMs = earliest(atMs, retryAtMs);
  return atMs;
};

/** When the machine wants to be woken; undefined: not at all. */
export const wakeAtMs = (node: NodeState): number | undefined => {
  const { closing, presence, trip, recovery, registration } = node;
  if (closing?.stage === 'ended') return undefined;
  let atMs = presence === 'present' ? trip?.patienceEndMs : undefined;
  atMs = earliest(atMs, node.retryAtMs);
  atMs = earliest(atMs, node.tickAtMs);
  if (!recovery.isReporting) atMs = earliest(atMs, recovery.reportAtMs);
  atMs = earliest(atMs, registration.renewAtMs);
  if (trip === undefined) atMs = earliest(atMs, closing?.attemptAtMs);
  return earliest(atMs, retryOfAny(node));
};
