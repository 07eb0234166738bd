/** Moving a sequence forward by hand: made durable where the ceilings are kept before the counter moves. */
import type { Ceiling } from '../../../core/ceiling/ceiling-store.ts';
import type { AdvanceReply } from '../../../core/counter/counter-call.ts';
import { StorageUnavailableError } from '../../../core/errors.ts';
import type { AllocationTarget } from '../../allocator.ts';
import { keeperOf, leaveFor } from './ceiling.ts';
import { ceilingAbove, ceilingWindow, windowWithin } from './ceiling-window.ts';
import { beginMove, type MoveResult } from './moves.ts';
import type { Advance, NodeState } from './node-state.ts';
import { findOrOpen } from './opening.ts';
import { makesCalls } from './sequence.ts';
import type { Ticket } from './waiters.ts';

export interface AdvanceWanted {
  readonly ticket: Ticket<AdvanceReply>;
  readonly target: AllocationTarget;
  readonly operation: string;
  readonly to: bigint;
}

const WAIT_MAX_MS = 5_000;
const POLL_MS = 100;

export const beginAdvance = (node: NodeState, { ticket, target, operation, to }: AdvanceWanted): void => {
  const advance: Advance = { ticket, target, operation, to, endMs: node.nowMs + WAIT_MAX_MS, retryAtMs: undefined };
  node.advances.add(advance);
  attempt(node, advance);
};

const attempt = (node: NodeState, advance: Advance): void => {
  advance.retryAtMs = undefined;
  if (node.keepsCeilings) {
    node.reads.waiting.add({ for: 'advance', id: advance.target.sequence, advance });
  } else ask(node, advance, 0n);
};

/** @param epoch in which the sequence counts by what the ceilings say. */
const ask = (node: NodeState, advance: Advance, epoch: bigint): void => {
  const { target, operation, to } = advance;
  const { sequence, initialSeq, limit, standbySize } = target;
  const window = keeperOf(node) === 'elsewhere' ? 0 : ceilingWindow(standbySize, node.limits.ceilingValuesMin);
  node.effects.push({ do: 'advance', advance, request: { sequence, operation, to, initialSeq, limit, epoch, window } });
};

/**
 * Has this node make a call for the sequence, so that it is opened, or recovered; then the advance is tried again.
 * @param epoch of the ceilings, when the counter store does not count in it: a node that counts in an earlier one leaves that.
 */
const tryAgain = (node: NodeState, advance: Advance, epoch: bigint | undefined): void => {
  const sequence = findOrOpen(node, advance.target);
  if (sequence !== undefined && makesCalls(sequence)) {
    if (epoch !== undefined) leaveFor(node, sequence, epoch);
    // If it owes a report now, the trip leaves it out.
    node.due.add(sequence);
  }
  advance.retryAtMs = node.nowMs + POLL_MS;
};

export const failAdvance = (node: NodeState, advance: Advance, error: unknown): void => {
  node.advances.delete(advance);
  node.effects.push({ do: 'refuse-advance', ticket: advance.ticket, error });
};

/** Tries again those whose time has come. */
export const retryAdvances = (node: NodeState): void => {
  for (const advance of node.advances) {
    if (advance.retryAtMs === undefined || node.nowMs < advance.retryAtMs) continue;
    if (node.nowMs < advance.endMs) attempt(node, advance);
    else failAdvance(node, advance, new StorageUnavailableError('The sequence is being recovered.'));
  }
};

/** Takes in what stands where the ceilings are kept; undefined: the sequence was never opened. */
export const takeInAdvanceRow = (node: NodeState, advance: Advance, row: Ceiling | undefined): void => {
  const { target, to } = advance;
  if (row === undefined) tryAgain(node, advance, undefined);
  else if (to > target.limit) ask(node, advance, row.epoch);
  else {
    const window = windowWithin(ceilingWindow(target.standbySize, node.limits.ceilingValuesMin), to, target.limit);
    beginMove(node, {
      id: target.sequence,
      sequence: undefined,
      advance,
      fence: { epoch: row.epoch, ceiling: row.ceiling, wanted: 0n },
      goal: ceilingAbove(to, window),
      base: to,
      // If the base moved first, a recovery would continue above it, too late for the advance.
      isKnownInForce: false,
    });
  }
};

export const endAdvanceMove = (node: NodeState, advance: Advance, result: MoveResult): void => {
  if (result.kind === 'failed') failAdvance(node, advance, result.error);
  else if (result.kind === 'raised') ask(node, advance, result.fence.epoch);
  else tryAgain(node, advance, result.epoch);
};

export const takeInAdvanced = (node: NodeState, advance: Advance, reply: AdvanceReply): void => {
  if (reply.kind === 'recovering' || reply.kind === 'ceiling') {
    tryAgain(node, advance, undefined);
    return;
  }
  node.advances.delete(advance);
  node.effects.push({ do: 'serve-advance', ticket: advance.ticket, reply });
};
