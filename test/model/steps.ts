/** What is checked after each step of a node, and the way an event gets to it. */
import type { NodeEvent } from '../../src/allocators/counter/machine/node.ts';
import { countWaiting } from '../../src/allocators/counter/machine/waiters.ts';
import { targetOf } from './book.ts';
import { check, fail, type ModelNode, tell, type World } from './world.ts';

const checkWaiting = (world: World, { name, shell: { state }, claiming }: ModelNode): void => {
  let waiting = claiming;
  for (const { waiters, keyed } of state.sequences.values()) waiting += waiters.length + keyed.length;
  check(world, countWaiting(state) === waiting, () => `${name}: ${waiting} wait, counted ${countWaiting(state)}`);
};

/** Looks at a node after it has taken something in. @param feeds what it had taken in before; it must have taken in more. */
export const afterStep = (world: World, node: ModelNode, feeds: number): void => {
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
    tell(world, () => `${node.name} is given back ${ranges.map(({ first, last }) => `${first}-${last}`).join(' ')}`);
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
