/** Keeps the ceilings of a node's sequences well ahead of what is taken, and stores the account of those it leaves. */
import { ceilingWindow, windowWithin } from './ceiling-window.ts';
import { keyedCount } from './keyed-waiters.ts';
import { beginMove, type MoveResult } from './moves.ts';
import { emit, type Move, type NodeState } from './node-state.ts';
import { resumeCalls, standInTrouble } from './presence.ts';
import { recover } from './recovery.ts';
import { enter, enterOnce, makesCalls, type Sequence, type WantedMove } from './sequence.ts';
import { topOf } from './session-report.ts';
import { type CeilingKeeper, noteRaised, owesReport, supersede } from './session-state.ts';

const TEN_SECONDS_MS = 10_000;
/** Before a store that failed is asked again. */
const RETRY_MS = 500;

export const keeperOf = ({ keepsCeilings, hasReplicas }: NodeState): CeilingKeeper => {
  if (keepsCeilings) return 'elsewhere';
  return hasReplicas ? 'replicas' : 'store';
};

/** Up to this many nodes may take as much as this one; what the counter moved beyond that was passed over by an advance. */
const NODES_MAX = 64;

/**
 * How much the sequence takes in ten seconds, all nodes together, as this node sees its counter move. What a recovery or an
 * advance passed over was not taken: else each window would be as large as the jump before.
 */
const measurePace = (sequence: Sequence, nowMs: number): number => {
  const { mark: before, session } = sequence;
  const { seen, given, epoch } = session;
  sequence.mark = { atMs: nowMs, seen, given, epoch };
  // From 0 it jumps to where others have counted to.
  if (before === undefined || before.seen === 0n || before.epoch !== epoch || nowMs <= before.atMs) return 0;
  const taken = Math.min(Number(seen - before.seen), NODES_MAX * (given - before.given));
  return Math.ceil((taken * TEN_SECONDS_MS) / (nowMs - before.atMs));
};

const windowFor = ({ limits }: NodeState, { target }: Sequence): number =>
  ceilingWindow(target.standbySize, limits.ceilingValuesMin);

const goalOf = (node: NodeState, sequence: Sequence, above: bigint): bigint => {
  const { session, target } = sequence;
  const wanted = BigInt((session.pending?.count ?? 0) + keyedCount(sequence));
  // A node that only reported does not know the limit of the series.
  const window = sequence.isStranger ? 0 : Math.max(windowFor(node, sequence), measurePace(sequence, node.nowMs));
  const goal = above + wanted + BigInt(windowWithin(window, above, target.limit));
  return above < target.limit && target.limit < goal ? target.limit : goal;
};

/** A sequence that never counted has no ceiling to move. */
const begin = (node: NodeState, sequence: Sequence, { above, base }: WantedMove): void => {
  const { fence } = sequence.session;
  if (fence === undefined) {
    finish(node, sequence, undefined);
    return;
  }
  const start = fence.wanted > above ? fence.wanted : above;
  const goal = goalOf(node, sequence, start);
  const move: Move = {
    id: sequence.target.sequence,
    sequence,
    advance: undefined,
    fence,
    goal,
    base,
    isKnownInForce: true,
  };
  sequence.move = move;
  beginMove(node, move);
};

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

const want = (node: NodeState, sequence: Sequence, wanted: WantedMove): void => {
  const { nextMove, move } = sequence;
  const joined = nextMove
    ? { above: larger(nextMove.above, wanted.above), base: larger(nextMove.base, wanted.base) }
    : wanted;
  sequence.nextMove = undefined;
  if (move === undefined) begin(node, sequence, joined);
  else sequence.nextMove = joined;
};

/** Raises the ceiling in the background when it is near. To be called after each reply. */
export const keepAhead = (node: NodeState, sequence: Sequence): void => {
  const { session, target, isStranger } = sequence;
  const { fence, seen } = session;
  if (fence === undefined || isStranger || sequence.move !== undefined || keeperOf(node) === 'store') return;
  const half = BigInt(Math.floor(windowWithin(windowFor(node, sequence), seen, target.limit) / 2));
  if (fence.wanted === 0n && fence.ceiling - seen >= half) return;
  if (fence.ceiling < target.limit) want(node, sequence, { above: seen, base: 0n });
};

/** A call cannot be served below the ceiling: it is repeated once that lies above `value`. */
export const meetCeiling = (node: NodeState, sequence: Sequence, value: bigint): void => {
  enterOnce(sequence, 'at-ceiling');
  sequence.stuckAt = value;
  want(node, sequence, { above: value, base: 0n });
};

/** Tries again what failed when the ceiling was met. */
export const retryCeiling = (node: NodeState, sequence: Sequence): void => {
  want(node, sequence, { above: sequence.stuckAt, base: 0n });
};

/** Stores the account of a sequence that is left, or may be left. */
const storeAccount = (node: NodeState, sequence: Sequence): void => {
  const top = topOf(sequence.session);
  want(node, sequence, { above: top, base: top });
};

/** An idle sequence is left only after its account was stored: no node can report it afterwards. */
export const settle = (node: NodeState, sequence: Sequence): void => {
  if (node.keepsCeilings && sequence.phase === 'serving') {
    enter(sequence, 'settling');
    storeAccount(node, sequence);
  } else if (sequence.phase !== 'settling') {
    enterOnce(sequence, 'leaving');
    node.due.add(sequence);
  }
};

/** The session is over: what it knew is stored for the last time. */
export const bidFarewell = (node: NodeState, sequence: Sequence): void => {
  if (!node.keepsCeilings) return;
  node.farewells.add(sequence);
  const { session, target } = sequence;
  if (session.history.ranges.length > 0) node.unstored.set(target.name, session);
  storeAccount(node, sequence);
};

/** Another server counts in `epoch`: values left here belong to one that has ended. */
export const leaveFor = (node: NodeState, sequence: Sequence, epoch: bigint): void => {
  const { session } = sequence;
  if (session.fence === undefined || epoch <= session.fence.epoch) return;
  supersede(session, epoch);
  if (owesReport(session) && (makesCalls(sequence) || sequence.phase === 'at-ceiling')) recover(node, sequence);
};

/** @param error undefined when the ceiling was moved, or need not be. */
const finish = (node: NodeState, sequence: Sequence, error: unknown): void => {
  switch (sequence.phase) {
    case 'at-ceiling':
      if (error === undefined) resumeCalls(node, sequence);
      else standInTrouble(node, sequence, error, RETRY_MS);
      return;
    case 'settling':
      enter(sequence, error === undefined ? 'leaving' : 'serving');
      if (error === undefined) node.due.add(sequence);
      return;
    case 'left':
      node.farewells.delete(sequence);
      if (error !== undefined) node.isAllSettled = false;
      return;
    default:
      return;
  }
};

/** What the session knew is stored: no later one need report it. */
const forget = ({ unstored }: NodeState, { session, target }: Sequence): void => {
  if (unstored.get(target.name) === session) unstored.delete(target.name);
};

/** Ends the move of a sequence, and begins the one that waits for it. */
export const endSequenceMove = (node: NodeState, sequence: Sequence, result: MoveResult): void => {
  const { session, nextMove } = sequence;
  sequence.move = undefined;
  sequence.nextMove = undefined;
  if (result.kind === 'failed') {
    const { prefixKey } = sequence.target.sequence.series;
    emit(node, { type: 'ceiling-not-raised', prefixKey, error: result.error });
    finish(node, sequence, result.error);
    return;
  }
  if (result.kind === 'raised') noteRaised(session, result.fence);
  // A session that is over cannot report, and its account was not stored: the node must stay known, so that it is missed.
  else if (sequence.phase === 'left') node.isAllSettled = false;
  else leaveFor(node, sequence, result.epoch);
  if (sequence.phase === 'left' && result.kind === 'raised' && nextMove === undefined) forget(node, sequence);
  if (nextMove === undefined) finish(node, sequence, undefined);
  else begin(node, sequence, nextMove);
};
