/** Adversarial histories: who does what when, and how every history ends. */
import { createMemoryCeilingStore } from '../../src/stores/memory/memory-ceiling-store.ts';
import { checkAccount } from './account.ts';
import { createBook, targetOf } from './book.ts';
import { advance, highestOf, PLAIN_WISH, pickKey, request, requestKeyed, shutDown } from './clients.ts';
import { befall, dropMemories, heal, pause } from './faults.ts';
import { crash, isAwake, startNode } from './nodes.ts';
import type { Random } from './random.ts';
import type { ScriptRunner } from './script-runner.ts';
import { readAll, startServer } from './servers.ts';
import { feed } from './steps.ts';
import { createTimeline } from './timeline.ts';
import { type Book, check, type Mishap, type ModelNode, type Scene, tell, type World } from './world.ts';

const START_MS = 10_000;

export const createWorld = (
  scene: Scene,
  random: Random,
  runner: ScriptRunner,
  { tells = false, mishap }: { readonly tells?: boolean; readonly mishap?: Mishap | undefined } = {},
): World => {
  const timeline = createTimeline(START_MS);
  const clock = { now: () => timeline.nowMs };
  const world: World = {
    scene,
    random,
    runner,
    timeline,
    books: scene.sequences.map((terms, index) => createBook(scene.seed, index, terms)),
    servers: [],
    ceilings: scene.fence === 'kept' ? createMemoryCeilingStore(clock) : undefined,
    ceilingsAwayUntilMs: 0,
    nodes: [],
    keys: [],
    claimed: new Map(),
    log: tells ? [] : undefined,
    failure: undefined,
    era: 0,
    names: 0,
    isHealed: false,
    asked: 0,
    mishap,
    met: new Map(),
  };
  startServer(world);
  return world;
};

const ask = (world: World, node: ModelNode, book: Book): void => {
  const { random, scene } = world;
  request(world, node, book, {
    count: 1 + random.below(random.chance(0.2) ? scene.countMax : 4),
    isLease: random.chance(0.05),
    isEnding: random.chance(0.05),
    isGone: random.chance(0.04),
  });
};

/** The operator: moves a sequence forward, or raises its `initialSeq` in the config. */
const operate = (world: World, node: ModelNode, book: Book): void => {
  dropMemories(world);
  const { random } = world;
  const step = BigInt(1 + random.below(60));
  const highest = highestOf(book);
  if (random.chance(0.7)) {
    const to = highest - 5n + step;
    advance(world, node, book, to > 0n ? to : 1n);
  } else if (highest + step < book.limit) {
    book.initialSeq = highest + step;
    if (book.initialSeq > book.advancedTo) book.advancedTo = book.initialSeq;
    tell(world, () => `initialSeq of ${book.name} becomes ${book.initialSeq}`);
  }
};

/** Small things that happen to one node. */
const nudge = (world: World, node: ModelNode, book: Book): void => {
  const { random, scene } = world;
  const what = random.below(4);
  if (what === 0) node.hears.reachable();
  else if (what === 1 && scene.fence === 'kept') node.hears.recoveryBegan(book.id);
  else if (what === 2) feed(world, node, { kind: 'prepare', target: targetOf(book) });
  else feed(world, node, { kind: 'check', id: book.id, target: random.chance(0.5) ? targetOf(book) : undefined });
};

/** Something that somebody does, at a random moment. */
const act = async (world: World): Promise<void> => {
  const { random, scene, nodes, books } = world;
  const what = random.below(1000);
  const awake = nodes.filter((node) => isAwake(world, node));
  const node = awake.length > 0 ? random.pick(awake) : undefined;
  const book = random.pick(books);
  if (node === undefined) {
    startNode(world);
    return;
  }
  if (what < 40) startAnother(world, awake.length);
  else if (what < 58 && scene.crashes) {
    crash(world, node);
    dropMemories(world);
  } else if (what < 72 && scene.fence !== 'alone') shutDown(world, node);
  else if (what < 92 && scene.advances) operate(world, node, book);
  else if (what < 98) book.standbySize = book.standbySize === 0 ? 5 : 0;
  else if (what < 118) nudge(world, node, book);
  else if (what < 160) pause(world, node);
  else if (what < 240 && scene.fence !== 'none') await befall(world);
  else if (what < 440 && scene.keyed) requestKeyed(world, node, book, pickKey(world), random.chance(0.05));
  else ask(world, node, book);
};

const startAnother = (world: World, awake: number): void => {
  if (awake < world.scene.nodesMax) startNode(world);
};

const runUntil = async (world: World, atMs: number): Promise<void> => {
  const { timeline } = world;
  for (;;) {
    const nextAtMs = timeline.nextAtMs();
    if (nextAtMs === undefined || nextAtMs > atMs) break;
    await timeline.goOn();
    if (world.failure !== undefined) throw world.failure;
  }
  if (timeline.nowMs < atMs) timeline.leap(atMs - timeline.nowMs);
};

const living = ({ nodes }: World): ModelNode[] =>
  nodes.filter(({ status }) => status === 'alive' || status === 'closing');

/** @returns why somebody is not at rest; undefined: all are. */
const unrestOf = (nodes: readonly ModelNode[]): string | undefined => {
  for (const { name, pending, shell } of nodes) {
    if (pending > 0) return `${pending} requests wait at ${name}`;
    if (shell.state.presence !== 'present') return `the store is ${shell.state.presence} for ${name}`;
    for (const { phase, target, trouble } of shell.state.sequences.values()) {
      // One whose opening failed is opened again by the next request.
      const isStuck = phase === 'opening' && trouble === undefined;
      if (isStuck || phase === 'at-ceiling' || phase === 'recovering' || phase === 're-entering')
        return `${target.name} is ${phase} at ${name}`;
    }
  }
  return undefined;
};

const LOOK_MS = 250;

const runUntilTrue = async (world: World, isTrue: () => boolean, maxMs: number, what: () => string): Promise<void> => {
  const endMs = world.timeline.nowMs + maxMs;
  while (!isTrue()) {
    check(world, world.timeline.nowMs < endMs, what);
    await runUntil(world, world.timeline.nowMs + LOOK_MS);
  }
};

/** How long healthy stores may take until every sequence is served: a recovery waits for `livingPatienceMs` at most, then its turn. */
const REST_MAX_MS = 45_000;
const END_MAX_MS = 60_000;

const closeAll = async (world: World): Promise<void> => {
  for (const node of living(world)) if (node.status === 'alive') shutDown(world, node);
  await untilEnded(world);
};

const TURN_MS = 30_000;

/** One after the other, the rest standing still: records of nodes are folded away, and they would fight for their places. */
const closeInTurns = async (world: World): Promise<void> => {
  const { timeline } = world;
  const nodes = living(world);
  nodes.forEach((node, i) => {
    node.stalledUntilMs = Math.max(node.stalledUntilMs, timeline.nowMs + i * TURN_MS);
  });
  for (const node of nodes) {
    await runUntil(world, node.stalledUntilMs + world.scene.timeoutMs);
    const isAtRest = (): boolean => node.status === 'ended' || unrestOf([node]) === undefined;
    await runUntilTrue(world, isAtRest, TURN_MS / 2, () => `no rest: ${stateOf(node)}`);
    if (node.status === 'alive') shutDown(world, node);
    await runUntilTrue(
      world,
      () => node.status === 'ended',
      TURN_MS / 2,
      () => `no end: ${stateOf(node)}`,
    );
  }
};

const stateOf = ({ name, asking, pending, shell: { state } }: ModelNode): string => {
  const { closing, sequences, trip, due, dueKeyed, farewells, registration, presence } = state;
  const phases = [...sequences.values()].map(
    ({ phase, target, trouble }) => `${target.name} ${phase} ${trouble ?? ''}`,
  );
  return JSON.stringify({
    name,
    asking,
    pending,
    closing,
    phases,
    presence,
    trip: trip !== undefined,
    due: due.size + dueKeyed.size,
    farewells: farewells.size,
    registering: registration.isPending,
  });
};

const untilEnded = (world: World): Promise<void> =>
  runUntilTrue(
    world,
    () => living(world).every(({ status }) => status === 'alive'),
    END_MAX_MS,
    () => `the shutdown does not end: ${living(world).map(stateOf)}`,
  );

/** The network heals, late copies arrive, all meet at one server, and whoever lives shuts down cleanly. */
const wind = async (world: World): Promise<void> => {
  const { timeline, nodes, scene, books } = world;
  const stallsEndMs = Math.max(timeline.nowMs, ...living(world).map(({ stalledUntilMs }) => stalledUntilMs));
  heal(world);
  await runUntil(world, stallsEndMs + 2 * scene.timeoutMs);
  // Somebody must be there to find out what was lost.
  if (scene.fence === 'kept') {
    let node = startNode(world);
    for (const book of books) {
      if (node.shell.state.sequences.size === node.shell.state.limits.queuesMax) node = startNode(world);
      request(world, node, book, PLAIN_WISH);
    }
  }
  if (scene.forgetful) {
    await closeInTurns(world);
    return;
  }
  await runUntilTrue(
    world,
    () => unrestOf(living(world)) === undefined,
    REST_MAX_MS,
    () => `no rest: ${unrestOf(living(world))}: ${living(world).map(stateOf)}`,
  );
  const served = nodes.filter(({ status }) => status === 'alive');
  await closeAll(world);
  // A recovery that begins meanwhile waits `livingPatienceMs` for a node that could not strike itself out. A node that ends
  // gives it 5 s from when it began to end.
  const isAwaited = nodes.some(({ status, isStruckOut }) => status === 'ended' && !isStruckOut);
  for (const { name, leftBehind } of served) {
    const isExcused = scene.fence === 'kept' && isAwaited;
    check(world, !leftBehind || isExcused, () => `${name} did not return its standby to stores that were there`);
  }
  // What a node asked in the background is answered after its end.
  await runUntil(world, timeline.nowMs + 2 * scene.timeoutMs);
  for (const { name, status, asking } of nodes)
    check(world, status === 'crashed' || asking === 0, () => `${name}: ${asking} questions have no answer`);
};

const planActs = (world: World): number => {
  const { timeline, random, scene } = world;
  let atMs = timeline.nowMs;
  for (let i = 0; i < scene.acts; i++) {
    atMs += random.chance(0.03) ? random.below(4_000) : random.below(Math.ceil(2 * scene.paceMs));
    timeline.plan(atMs, () => act(world));
  }
  return atMs;
};

export const play = async (world: World, acts: (world: World) => number = planActs): Promise<void> => {
  await runUntil(world, acts(world));
  await wind(world);
  const [last] = world.servers;
  if (last === undefined) return;
  const states = await readAll(world, last);
  world.books.forEach((book, index) => {
    const stored = states[index];
    if (stored !== undefined) checkAccount(world, book, stored);
  });
};

/** Removes what a history has left on the real Redis. */
export const clear = async ({ keys, runner }: World): Promise<void> => {
  await Promise.all(keys.map((each) => runner.drop(each)));
};
