/** The end of a node: it leaves every sequence, stores what it knew of them, and removes itself from the list of nodes. */
import { failAdvance } from './advance.ts';
import { refuseAllKeyed } from './keyed-waiters.ts';
import { emit, type NodeState } from './node-state.ts';
import { drop } from './opening.ts';
import { stopping } from './presence.ts';
import { enterOnce, makesCalls } from './sequence.ts';
import { hasValues } from './session.ts';
import { refuseAll } from './waiters.ts';

/** How long a shutdown waits for recoveries that are under way, ms. */
const RECOVERY_MAX_MS = 5_000;

/** Begins the end. No request may come afterwards. */
export const beginClosing = (node: NodeState): void => {
  if (node.closing !== undefined) return;
  const { nowMs } = node;
  node.closing = { recoveryEndMs: nowMs + RECOVERY_MAX_MS, stage: 'leaving', attempts: 0, attemptAtMs: nowMs };
  node.tickAtMs = undefined;
  node.retryAtMs = undefined;
  node.registration.renewAtMs = undefined;
  dropUnopened(node);
};

/** One that is not open yet has nothing to give back, unless a request waits in it or values came back. */
const dropUnopened = (node: NodeState): void => {
  for (const sequence of node.sequences.values()) {
    const { phase, session, waiters, keyed } = sequence;
    if (phase === 'opening' && !hasValues(session) && waiters.length === 0 && keyed.length === 0) drop(node, sequence);
  }
};

const leaveAll = (node: NodeState): void => {
  // The requests that waited in it may have been refused since.
  dropUnopened(node);
  for (const sequence of node.sequences.values()) {
    if (!makesCalls(sequence)) continue;
    enterOnce(sequence, 'leaving');
    node.due.add(sequence);
  }
};

const isRecovering = ({ nowMs, sequences }: NodeState, endMs: number): boolean =>
  nowMs < endMs && sequences.values().some((sequence) => !makesCalls(sequence) && sequence.trouble === undefined);

const isResting = ({ trip, due, dueKeyed }: NodeState): boolean =>
  trip === undefined && due.size === 0 && dueKeyed.size === 0;

const endLeaving = (node: NodeState, closing: NonNullable<NodeState['closing']>): void => {
  closing.attemptAtMs = undefined;
  closing.stage = 'settling';
  node.recovery.reportAtMs = undefined;
};

/** Makes an attempt to leave all sequences when it is due. */
export const leaveSequences = (node: NodeState): void => {
  const { closing, nowMs, limits, sequences } = node;
  if (closing?.stage !== 'leaving') return;
  if (closing.attemptAtMs !== undefined) {
    if (nowMs < closing.attemptAtMs || node.trip !== undefined) return;
    closing.attemptAtMs = undefined;
    if (closing.attempts < limits.closeAttemptsMax) leaveAll(node);
  }
  if (!isResting(node)) return;
  if (sequences.size === 0 || closing.attempts >= limits.closeAttemptsMax) endLeaving(node, closing);
  else {
    closing.attempts += isRecovering(node, closing.recoveryEndMs) ? 0 : 1;
    closing.attemptAtMs = nowMs + limits.retryMs;
  }
};

/** By then no request should wait. One that does is refused, because nothing answers it any more. */
const refuseWhoWaits = (node: NodeState): void => {
  const error = stopping();
  for (const advance of node.advances) failAdvance(node, advance, error);
  for (const sequence of node.sequences.values()) {
    refuseAll(node, sequence, error);
    refuseAllKeyed(node, sequence, error);
  }
};

/** @param isStruckOut whether the node need not be known any more where the ceilings are kept. */
const end = (node: NodeState, isStruckOut: boolean): void => {
  const { closing, sequences } = node;
  if (closing === undefined) return;
  closing.stage = 'ended';
  refuseWhoWaits(node);
  if (sequences.size > 0) emit(node, { type: 'standby-not-returned', sequences: sequences.size });
  else if (!isStruckOut) emit(node, { type: 'node-not-struck-out' });
  node.effects.push({ do: 'end' });
};

/** Goes on once the last accounts are stored. A renewal that is under way would put the node on the list again. */
export const unregister = (node: NodeState): void => {
  const { closing, farewells, registration, keepsCeilings, sequences, isAllSettled } = node;
  if (closing?.stage !== 'settling' || farewells.size > 0 || registration.isPending) return;
  if (!keepsCeilings) end(node, true);
  else if (sequences.size > 0 || !isAllSettled) end(node, false);
  else {
    closing.stage = 'unregistering';
    node.effects.push({ do: 'unregister', node: node.node });
  }
};

export const takeInUnregistered = (node: NodeState, isDone: boolean): void => end(node, isDone);
