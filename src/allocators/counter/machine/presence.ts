/** Whether the counter store is there: what begins and ends with an outage, for the requests of all sequences. */
import { NumberGeneratorError, StorageUnavailableError } from '../../../core/errors.ts';
import { failKeyed, refuseAllKeyed } from './keyed-waiters.ts';
import { emit, type NodeState } from './node-state.ts';
import { makesCalls, makesKeyedCalls, resume, type Sequence } from './sequence.ts';
import { hasReport } from './session.ts';
import { refuseAll, serveWithoutStore } from './waiters.ts';

/** The error of a request while the store is away. */
export const refusalOf = ({ lastError }: NodeState): NumberGeneratorError =>
  lastError instanceof NumberGeneratorError ? lastError : new StorageUnavailableError('The store is away.', lastError);

/** The error of a request that comes at the end of the node. */
export const stopping = (): StorageUnavailableError => new StorageUnavailableError('Stopping.');

/** The error of a request whose sequence cannot make calls. */
export const troubleOf = ({ trouble }: Sequence): unknown =>
  trouble ?? new StorageUnavailableError('The sequence is being recovered.');

export const becomePresent = (node: NodeState): void => {
  if (node.presence === 'away') emit(node, { type: 'store-returned' });
  node.presence = 'present';
  node.retryMs = node.limits.retryMs;
  node.retryAtMs = undefined;
};

/** A trip has failed: every sequence serves from its standby until one succeeds. */
export const becomeAway = (node: NodeState, error: unknown): void => {
  const { nowMs, limits } = node;
  node.lastError = error;
  if (node.presence !== 'away') emit(node, { type: 'outage-began', reason: error });
  node.presence = 'away';
  for (const sequence of node.sequences.values()) {
    if (sequence.keyed.length > 0) failKeyed(node, sequence, error, { nowMs, graceMs: limits.keyedGraceMs });
    if (sequence.waiters.length === 0) continue;
    serveWithoutStore(node, sequence);
    refuseAll(node, sequence, error);
  }
  node.due.clear();
  node.dueKeyed.clear();
  // At the end, attempts to leave take the place of this one.
  if (node.closing !== undefined) return;
  node.retryAtMs = nowMs + node.retryMs;
  node.retryMs = Math.min(node.retryMs * 2, limits.retryMaxMs);
};

/** The store is slow and may be away: waiters that the standby can serve are served from it. */
export const losePatience = (node: NodeState): void => {
  if (node.presence !== 'present') return;
  node.presence = 'slow';
  for (const sequence of node.sequences.values()) serveWithoutStore(node, sequence);
};

/**
 * Repeats unsettled calls and reports what was used meanwhile. Requests are served from the standby until that succeeds.
 */
export const retry = (node: NodeState): void => {
  node.retryAtMs = undefined;
  if (node.trip !== undefined || node.presence !== 'away') return;
  for (const sequence of node.sequences.values()) {
    sequence.reports = 0;
    // One that makes no calls has its own questions under way, and resumes after them.
    if (!makesCalls(sequence)) continue;
    const { session, keyed, phase } = sequence;
    // A keyed request waits for a numbered call where the store must know the session first, or is to forget it.
    const isCallFirst = keyed.length > 0 && !makesKeyedCalls(sequence);
    // The last call of one that leaves may have been due, and not made.
    const isCallDue = session.pending !== undefined || hasReport(session) || phase === 'leaving';
    if (isCallDue || isCallFirst) node.due.add(sequence);
    if (keyed.length > 0) node.dueKeyed.add(sequence);
  }
  if (node.due.size === 0 && node.dueKeyed.size === 0) becomePresent(node);
};

/** The sequence can make calls again. */
export const resumeCalls = (node: NodeState, sequence: Sequence): void => {
  resume(sequence, node.closing !== undefined);
  node.due.add(sequence);
  if (sequence.keyed.length > 0) node.dueKeyed.add(sequence);
  // A store has answered.
  if (node.presence === 'away') becomePresent(node);
};

/** Nothing can be done about the phase at the moment: waiters are served from the standby or refused. */
export const standInTrouble = (node: NodeState, sequence: Sequence, error: unknown, retryMs?: number): void => {
  sequence.trouble =
    error instanceof NumberGeneratorError ? error : new StorageUnavailableError('The sequence is not served.', error);
  serveWithoutStore(node, sequence);
  refuseAll(node, sequence, sequence.trouble);
  refuseAllKeyed(node, sequence, sequence.trouble);
  if (retryMs === undefined || node.closing !== undefined) return;
  sequence.retryAtMs = node.nowMs + retryMs;
  node.troubled.add(sequence);
};
