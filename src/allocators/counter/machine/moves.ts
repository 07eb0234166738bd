/** The steps by which a ceiling moves: its account is read, it is made durable with it, and then it is put in force. */
import type { CeilingRaise, RaiseOutcome } from '../../../core/ceiling/ceiling-store.ts';
import type { Fence } from '../../../core/counter/counter-call.ts';
import type { AccountReply, RaiseReply } from '../../../core/counter/counter-fence.ts';
import { CeilingUnconfirmedError, CorruptEntryError } from '../../../core/errors.ts';
import { sequenceKeyOf } from '../../../core/values/sequence-id.ts';
import { ceilingAbove } from './ceiling-window.ts';
import { type Move, type NodeState, takeFrom } from './node-state.ts';
import { behindError } from './recovery-decision.ts';

export type MoveResult =
  | { readonly kind: 'raised'; readonly fence: Fence }
  /** The sequence counts in another epoch by now, perhaps a later one: swear off the old one, and report. */
  | { readonly kind: 'superseded'; readonly epoch: bigint }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Ends a move for whoever wanted it. */
export type EndMove = (node: NodeState, move: Move, result: MoveResult) => void;

const keyOf = ({ id }: Move): string => sequenceKeyOf(id);
const keyOfMoving = ({ move }: { readonly move: Move }): string => keyOf(move);

const enforce = ({ enforcements }: NodeState, move: Move, ceiling: bigint): void => {
  enforcements.waiting.add({ move, ceiling: { sequence: move.id, epoch: move.fence.epoch, ceiling } });
};

/** Begins a move. Where replicas confirm ceilings, they are asked in place of the ceilings' store. */
export const beginMove = (node: NodeState, move: Move): void => {
  const { id, fence } = move;
  if (!move.isKnownInForce) enforce(node, move, fence.ceiling);
  else if (node.keepsCeilings) node.accounts.waiting.add(move);
  else node.effects.push({ do: 'propose', move, ceiling: { sequence: id, epoch: fence.epoch, ceiling: goalOf(move) } });
};

/** There are no values above u64 max. */
const goalOf = ({ goal }: Move): bigint => ceilingAbove(goal, 0);

/** Sends what waits for each step; at most one trip of each is under way, with at most one move of each sequence. */
export const sendMoves = (node: NodeState): void => {
  const { accounts, raises, enforcements, limits, effects } = node;
  const moves = takeFrom(accounts, limits.ceilingsMax, keyOf);
  if (moves !== undefined) {
    accounts.isUnderWay = true;
    effects.push({ do: 'account', moves });
  }
  const raised = takeFrom(raises, limits.ceilingsMax, keyOfMoving);
  if (raised !== undefined) {
    raises.isUnderWay = true;
    effects.push({ do: 'raise', moves: raised.map(({ move }) => move), raises: raised.map(({ raise }) => raise) });
  }
  const enforced = takeFrom(enforcements, limits.ceilingsMax, keyOfMoving);
  if (enforced !== undefined) {
    enforcements.isUnderWay = true;
    effects.push({
      do: 'enforce',
      moves: enforced.map(({ move }) => move),
      ceilings: enforced.map(({ ceiling }) => ceiling),
    });
  }
};

const corruptOf = ({ id }: Move, reason: string): MoveResult => ({
  kind: 'failed',
  error: new CorruptEntryError(id.series.prefixKey, reason),
});

const raiseOf = (move: Move, reply: Extract<AccountReply, { kind: 'account' | 'unserved' }>): CeilingRaise => {
  const { id, fence, base } = move;
  const account = reply.kind === 'account' ? reply.account : undefined;
  return {
    sequence: id,
    epoch: fence.epoch,
    known: fence.ceiling,
    ceiling: goalOf(move),
    base: account !== undefined && account.value > base ? account.value : base,
    account,
  };
};

export const takeInAccounts = (
  node: NodeState,
  moves: readonly Move[],
  replies: readonly AccountReply[],
  end: EndMove,
): void => {
  node.accounts.isUnderWay = false;
  for (const [index, move] of moves.entries()) {
    const reply = replies[index] ?? { kind: 'unserved' };
    if (reply.kind === 'corrupt') end(node, move, corruptOf(move, reply.reason));
    else node.raises.waiting.add({ move, raise: raiseOf(move, reply) });
  }
};

export const takeInRaises = (
  node: NodeState,
  moves: readonly Move[],
  outcomes: readonly RaiseOutcome[],
  end: EndMove,
): void => {
  node.raises.isUnderWay = false;
  for (const [index, move] of moves.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind === 'raised') enforce(node, move, goalOf(move));
    else if (outcome?.kind === 'superseded') end(node, move, { kind: 'superseded', epoch: outcome.current.epoch });
    else end(node, move, { kind: 'failed', error: behindError(move.id, outcome?.current) });
  }
};

export const takeInProposed = (node: NodeState, move: Move, isConfirmed: boolean, end: EndMove): void => {
  if (isConfirmed) enforce(node, move, goalOf(move));
  else end(node, move, { kind: 'failed', error: new CeilingUnconfirmedError() });
};

export const takeInEnforced = (
  node: NodeState,
  moves: readonly Move[],
  replies: readonly RaiseReply[],
  end: EndMove,
): void => {
  node.enforcements.isUnderWay = false;
  for (const [index, move] of moves.entries()) {
    const reply = replies[index] ?? { kind: 'outrun' };
    if (reply.kind === 'corrupt') end(node, move, corruptOf(move, reply.reason));
    else if (reply.kind === 'outrun') end(node, move, { kind: 'superseded', epoch: move.fence.epoch });
    else if (move.isKnownInForce) end(node, move, { kind: 'raised', fence: reply.fence });
    else {
      move.isKnownInForce = true;
      beginMove(node, move);
    }
  }
};

export const failMoves = (node: NodeState, moves: readonly Move[], error: unknown, end: EndMove): void => {
  for (const move of moves) end(node, move, { kind: 'failed', error });
};
