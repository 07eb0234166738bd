/** The nodes of a history: each runs the production shell with its machine, on ports that the network separates from the stores. */
import type { Alarm } from '../../src/allocators/counter/alarm.ts';
import { createCounterShell } from '../../src/allocators/counter/counter-shell.ts';
import type { NumberGeneratorEvent } from '../../src/core/events/events.ts';
import { createCeilingPort } from './ceiling-port.ts';
import { reach } from './steps.ts';
import { createStorePort } from './store-port.ts';
import { check, type ModelNode, meet, nameOf, tell, type World } from './world.ts';

const SPINS_MAX = 200;

const createModelAlarm =
  (world: World, node: ModelNode) =>
  (ring: () => void): Alarm => {
    const { timeline, random, scene } = world;
    let planned: ReturnType<typeof timeline.plan> | undefined;
    let rangAtMs = 0;
    const cancel = (): void => {
      if (planned !== undefined) planned.happen = undefined;
      planned = undefined;
    };
    const goOff = (): unknown => {
      if (node.status === 'crashed') return undefined;
      if (node.stalledUntilMs > timeline.nowMs) {
        // What arrived meanwhile is read first.
        planned = timeline.plan(node.stalledUntilMs + 1, goOff);
        return undefined;
      }
      planned = undefined;
      node.spins = timeline.nowMs - rangAtMs <= 1 ? node.spins + 1 : 0;
      check(world, node.spins < SPINS_MAX, () => `${node.name} is woken again and again`);
      rangAtMs = timeline.nowMs;
      return reach(world, node, ring);
    };
    return {
      nowMs: () => timeline.nowMs,
      set: (atMs) => {
        node.feeds += 1;
        if (atMs === undefined) cancel();
        if (atMs === undefined || (planned !== undefined && planned.atMs <= atMs)) return;
        cancel();
        const lateMs = scene.stalls && !world.isHealed && random.chance(0.01) ? random.below(2_000) : 0;
        planned = timeline.plan(Math.max(timeline.nowMs + 1, Math.ceil(atMs)) + lateMs, goOff);
      },
    };
  };

const createEmit =
  (world: World, node: ModelNode) =>
  (event: NumberGeneratorEvent): void => {
    tell(world, () => `${node.name} says ${event.type}`);
    meet(world, event.type);
    if (event.type === 'standby-not-returned') node.leftBehind = true;
    if (event.type === 'sequence-recovered') meet(world, event.jumpedTo === undefined ? 'exact' : 'jump');
  };

export const startNode = (world: World): ModelNode => {
  const { books, scene, random } = world;
  const parts: Omit<ModelNode, 'shell'> = {
    name: nameOf(world, 'n'),
    server: random.pick(world.servers),
    status: 'alive',
    closedAtMs: 0,
    isStruckOut: false,
    leftBehind: false,
    stalledUntilMs: 0,
    cutOffUntilMs: 0,
    asking: 0,
    claiming: 0,
    pending: 0,
    inHand: [],
    floors: books.map(() => 0n),
    sent: books.map(() => 0),
    lasts: books.map(() => undefined),
    highs: books.map(({ origin }) => origin),
    voidBefore: books.map(() => 0),
    hinted: new Set(),
    feeds: 0,
    spins: 0,
    hears: { reachable: () => undefined, recoveryBegan: () => undefined },
  };
  const node = parts as { -readonly [Key in keyof ModelNode]: ModelNode[Key] };
  world.nodes.push(node);
  tell(world, () => `${node.name} starts`);
  node.shell = createCounterShell({
    node: node.name,
    store: createStorePort(world, node),
    ceilings: createCeilingPort(world, node),
    emit: createEmit(world, node),
    hasReplicas: () => scene.replicas,
    limits: scene.limits,
    createAlarm: createModelAlarm(world, node),
  });
  return node;
};

/** Its memory is gone, and what is on its way to it is never taken in. */
export const crash = (world: World, node: ModelNode): void => {
  node.status = 'crashed';
  tell(world, () => `${node.name} crashes`);
};

/** Whether it hears what is said to it now. */
export const isAwake = (world: World, { status, stalledUntilMs }: ModelNode): boolean =>
  status === 'alive' && stalledUntilMs <= world.timeline.nowMs;
