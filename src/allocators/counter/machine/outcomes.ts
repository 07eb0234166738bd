/** What the answers of the ports mean, and what follows when a port has failed. */
import { StorageUnavailableError } from '../../../core/errors.ts';
import { endAdvanceMove, failAdvance, takeInAdvanced, takeInAdvanceRow } from './advance.ts';
import { takeInReplies } from './calls.ts';
import { endSequenceMove } from './ceiling.ts';
import { type EndMove, failMoves, takeInAccounts, takeInEnforced, takeInProposed, takeInRaises } from './moves.ts';
import type { Answered, Ask, AskOf, NodeState, Reader } from './node-state.ts';
import { takeInOpened } from './opening.ts';
import { becomeAway, becomePresent, standInTrouble } from './presence.ts';
import { failAsking, failReports, takeInInstalled, takeInOutcome, takeInRead, takeInReports } from './recovery.ts';
import { failRegistration, takeInBuried, takeInRegistered } from './registration.ts';
import { takeInClaim } from './requests.ts';
import { takeInUnregistered } from './shutdown.ts';
import { answer } from './waiters.ts';

const endMove: EndMove = (node, { sequence, advance }, result) => {
  if (sequence !== undefined) endSequenceMove(node, sequence, result);
  if (advance !== undefined) endAdvanceMove(node, advance, result);
};

const takeInTrip = (
  node: NodeState,
  { entries, calls }: AskOf<'reserve'>,
  replies: Answered & { of: 'reserve' },
): void => {
  node.trip = undefined;
  if (replies.reply.length !== calls.length) {
    becomeAway(node, new StorageUnavailableError('The store answered incompletely.'));
    return;
  }
  becomePresent(node);
  takeInReplies(node, entries, replies.reply);
};

const takeInRows = (node: NodeState, { ask, reply }: Answered & { of: 'read' }): void => {
  node.reads.isUnderWay = false;
  for (const [index, reader] of ask.readers.entries()) {
    const row = reply[index];
    if (reader.for === 'open') takeInOpened(node, reader.sequence, row?.epoch);
    else if (reader.for === 'advance') takeInAdvanceRow(node, reader.advance, row);
    else takeInRead(node, reader, row);
  }
};

const failRead = (node: NodeState, readers: readonly Reader[], error: unknown): void => {
  node.reads.isUnderWay = false;
  for (const reader of readers) {
    if (reader.for === 'advance') failAdvance(node, reader.advance, error);
    else if (reader.for !== 'open') failAsking(node, reader.sequence, error);
    // The next request reads again.
    else if (reader.sequence.phase === 'opening') standInTrouble(node, reader.sequence, error);
  }
};

/** Takes in the answer to a question. */
export const takeInAnswer = (node: NodeState, event: Answered): void => {
  switch (event.of) {
    case 'reserve':
      takeInTrip(node, event.ask, event);
      break;
    case 'claim':
      takeInClaim(node, event.ask.waiter, event.reply);
      break;
    case 'report':
      takeInReports(node, event.ask.sequences, event.reply);
      break;
    case 'read':
      takeInRows(node, event);
      break;
    case 'recover': {
      const { sequence, waiting, request } = event.ask;
      takeInOutcome(node, sequence, waiting, { known: request.epoch, outcome: event.reply });
      break;
    }
    case 'install': {
      const { sequence, waiting, install } = event.ask;
      takeInInstalled(node, sequence, { waiting, install, isDone: event.reply });
      break;
    }
    case 'account':
      takeInAccounts(node, event.ask.moves, event.reply, endMove);
      break;
    case 'raise':
      takeInRaises(node, event.ask.moves, event.reply, endMove);
      break;
    case 'propose':
      takeInProposed(node, event.ask.move, event.reply, endMove);
      break;
    case 'enforce':
      takeInEnforced(node, event.ask.moves, event.reply, endMove);
      break;
    case 'register':
      takeInRegistered(node);
      break;
    case 'bury':
      takeInBuried(node, event.reply);
      break;
    case 'unregister':
      takeInUnregistered(node, true);
      break;
    case 'advance':
      takeInAdvanced(node, event.ask.advance, event.reply);
      break;
  }
};

/** Where the moves of a trip waited for it. */
const MOVE_LANES = { account: 'accounts', raise: 'raises', enforce: 'enforcements' } as const;

/** A port could not be asked, or nobody knows whether it did what it was asked. */
export const takeInFailure = (node: NodeState, ask: Ask, error: unknown): void => {
  switch (ask.do) {
    case 'reserve':
      node.trip = undefined;
      becomeAway(node, error);
      break;
    case 'claim':
      answer(node, { do: 'refuse', ticket: ask.waiter.ticket, error });
      break;
    case 'report':
      failReports(node, ask.sequences, error);
      break;
    case 'read':
      failRead(node, ask.readers, error);
      break;
    case 'recover':
    case 'install':
      failAsking(node, ask.sequence, error);
      break;
    case 'account':
    case 'raise':
    case 'enforce':
      node[MOVE_LANES[ask.do]].isUnderWay = false;
      failMoves(node, ask.moves, error, endMove);
      break;
    case 'propose':
      failMoves(node, [ask.move], error, endMove);
      break;
    case 'register':
      failRegistration(node, error);
      break;
    // Tried again with the next renewal.
    case 'bury':
      break;
    case 'unregister':
      takeInUnregistered(node, false);
      break;
    case 'advance':
      failAdvance(node, ask.advance, error);
      break;
  }
};
