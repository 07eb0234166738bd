/** How something reaches a node, and what must hold after each step of its machine. */
import type { NodeEvent } from '../../src/allocators/counter/machine/node.ts';
import { countWaiting } from '../../src/allocators/counter/machine/waiters.ts';
import { targetOf, textOf } from './book.ts';
import { check, fail, type ModelNode, tell, type World } from './world.ts';

const checkWaiting = (world: World, { name, shell: { state }, claiming }: ModelNode): void => {
  let waiting = claiming;
  for (const { waiters, keyed } of state.sequences.values()) waiting += waiters.length + keyed.length;
  check(world, countWaiting(state) === waiting, () => `${name}: ${waiting} wait, counted ${countWaiting(state)}`);
};

/** Looks at a node after it has taken something in. @param feeds what it had taken in before; it must have taken in more. */
const afterStep = (world: World, node: ModelNode, feeds: number): void => {
  if (world.failure !== undefined) throw world.failure;
  const { shell, inHand } = node;
  check(world, node.feeds > feeds, () => `the machine of ${node.name} has thrown an error`);
  if (shell.state.closing?.stage === 'ended') {
    if (node.status === 'ended') return;
    node.status = 'ended';
    tell(world, () => `${node.name} has ended${node.leftBehind ? ', and leaves something behind' : ''}`);
    check(world, node.pending === 0, () => `${node.name} has ended, and ${node.pending} requests have no answer`);
    return;
  }
  checkWaiting(world, node);
  for (const { book, ranges } of inHand.splice(0)) {
    tell(world, () => `${node.name} is given back ${textOf(ranges)}`);
    feed(world, node, { kind: 'give-back', target: targetOf(book), ranges });
  }
};

/** Something happens to a node at this moment. */
export const feed = (world: World, node: ModelNode, event: NodeEvent): void => {
  const { feeds } = node;
  try {
    node.shell.feed(event);
  } catch (error) {
    fail(world, `the machine of ${node.name} has thrown: ${error instanceof Error ? error.stack : error}`);
  }
  afterStep(world, node, feeds);
};

/** Whatever a promise that was settled leads to happens before anything else does. */
const settled = async (): Promise<void> => {
  await undefined;
  await undefined;
};

/** Lets something reach a node: later while it stands still, never once it has crashed. */
export const reach = (world: World, node: ModelNode, happen: () => void, afterwards?: () => void): unknown => {
  if (node.status === 'crashed') return undefined;
  if (node.stalledUntilMs > world.timeline.nowMs) {
    world.timeline.plan(node.stalledUntilMs, () => reach(world, node, happen, afterwards));
    return undefined;
  }
  const { feeds } = node;
  happen();
  return settled().then(() => {
    afterwards?.();
    afterStep(world, node, feeds);
  });
};
