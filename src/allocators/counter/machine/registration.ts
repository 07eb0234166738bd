/** Registers this node where the ceilings are kept: a recovery must know which nodes to wait for. */
import { emit, type NodeState } from './node-state.ts';
import { standInTrouble } from './presence.ts';
import { recover } from './recovery.ts';
import { enter, type Sequence } from './sequence.ts';
import { swear } from './session-state.ts';

/** A node is removed after an hour of silence; it stops counting long before that. */
const LAPSED_AFTER_MS = 1_800_000;
/** Renewals after which nodes that have not renewed theirs for long are removed. */
const BURY_EVERY = 30;
/** Before a store that failed is asked again. */
const RETRY_MS = 500;

/** Whether the last renewal is so long ago that other nodes may soon remove this one. */
export const isLapsed = ({ registration: { registeredMs } }: NodeState, nowMs: number): boolean =>
  registeredMs !== undefined && nowMs - registeredMs > LAPSED_AFTER_MS;

/** Whether sequences can be opened without asking the store of the ceilings first. */
export const isRegistered = (node: NodeState, nowMs: number): boolean =>
  !node.keepsCeilings || (node.registration.registeredMs !== undefined && !isLapsed(node, nowMs));

const register = (node: NodeState): void => {
  if (node.registration.isPending) return;
  node.registration.isPending = true;
  node.effects.push({ do: 'register', node: node.node });
};

/** Registered first, then asked: see the promises of CeilingStore. */
const read = (node: NodeState, sequence: Sequence): void => {
  node.reads.waiting.add({ for: 'open', id: sequence.target.sequence, sequence });
};

/** Reads in which epoch the sequence counts, once this node is registered. */
export const openRegistered = (node: NodeState, sequence: Sequence): void => {
  if (isRegistered(node, node.nowMs)) read(node, sequence);
  else {
    node.registration.waiting.add(sequence);
    register(node);
  }
};

/** A node that has not renewed its registration for long may have been removed: it registers again first. */
export const reenter = (node: NodeState, sequence: Sequence): void => {
  if (sequence.phase !== 're-entering') {
    swear(sequence.session);
    enter(sequence, 're-entering');
  }
  node.registration.waiting.add(sequence);
  register(node);
};

const takeWaiting = ({ registration }: NodeState): Sequence[] => {
  const waiting = [...registration.waiting];
  registration.waiting.clear();
  return waiting;
};

export const takeInRegistered = (node: NodeState): void => {
  const { registration } = node;
  registration.isPending = false;
  registration.registeredMs = node.nowMs;
  if (registration.renewals >= BURY_EVERY) {
    registration.renewals = 0;
    node.effects.push({ do: 'bury', node: node.node });
  }
  for (const sequence of takeWaiting(node)) {
    if (sequence.phase === 'opening') read(node, sequence);
    else recover(node, sequence);
  }
};

export const failRegistration = (node: NodeState, error: unknown): void => {
  node.registration.isPending = false;
  emit(node, { type: 'node-not-registered', error });
  for (const sequence of takeWaiting(node)) {
    // One that is opened is opened again by the next request.
    if (sequence.phase === 'opening') standInTrouble(node, sequence, error);
    else standInTrouble(node, sequence, error, RETRY_MS);
  }
};

/** Renews the registration when that is due. */
export const renew = (node: NodeState): void => {
  const { registration, nowMs, limits } = node;
  if (registration.renewAtMs === undefined || nowMs < registration.renewAtMs) return;
  registration.renewAtMs = nowMs + limits.renewMs;
  registration.renewals += 1;
  register(node);
};

export const takeInBuried = (node: NodeState, nodes: readonly string[]): void => {
  if (nodes.length > 0) emit(node, { type: 'nodes-buried', nodes });
};
