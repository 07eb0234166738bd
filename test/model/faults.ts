/** What befalls servers: they restart, forget, are copied, come back; and nodes that talk to another one than before. */
import type { Stored } from './script-runner.ts';
import { readAll, remember, restart, startServer, writeAll } from './servers.ts';
import { reach } from './steps.ts';
import { type ModelNode, type ModelServer, meet, tell, type World } from './world.ts';

const SERVERS_MAX = 3;

/** Alone, servers cannot know of what was lost together with the only node that knew it: such losses are not played. */
export const dropMemories = (world: World): void => {
  if (world.scene.fence === 'alone') for (const { memories } of world.servers) memories.length = 0;
};

/** A connection that was lost is there again, now and then unnoticed. */
const noticeReturn = (world: World, node: ModelNode): void => {
  const { timeline, scene, random } = world;
  if (random.chance(0.4)) return;
  timeline.plan(timeline.nowMs + scene.latencyMs, () => reach(world, node, () => node.hears.reachable()));
};

const reconnect = (world: World, node: ModelNode, server: ModelServer): void => {
  node.server = server;
  noticeReturn(world, node);
};

/** Alone, a server that fell back to before a sequence began would begin it again. */
const memoriesOf = ({ scene, books }: World, { memories }: ModelServer): readonly (readonly Stored[])[] =>
  scene.fence === 'alone'
    ? memories.filter((memory) => books.every(({ begun, index }) => !begun || memory[index]?.counter !== null))
    : memories;

const forget = async (world: World): Promise<string> => {
  const { random } = world;
  const server = random.pick(world.servers);
  const memories = memoriesOf(world, server);
  const memory = memories.length > 0 && !random.chance(0.2) ? random.pick(memories) : undefined;
  if (memory === undefined && world.scene.fence === 'alone') return 'nothing';
  await writeAll(world, server, memory);
  if (memory !== undefined || random.chance(0.5)) restart(world, server);
  return memory === undefined
    ? 'a server is emptied'
    : `a server falls back to ${memory.map(({ counter }) => counter)}`;
};

/** A replica takes over, up to date or lagging; some nodes do not notice. */
const fork = async (world: World): Promise<string> => {
  const { random, servers, nodes } = world;
  if (servers.length === SERVERS_MAX) servers.splice(random.below(servers.length), 1);
  const origin = random.pick(servers);
  const lagging = origin.memories.length > 0 && random.chance(0.6);
  const states = lagging ? random.pick(origin.memories) : await readAll(world, origin);
  const copy = startServer(world);
  await writeAll(world, copy, states);
  for (const node of nodes) if (random.chance(0.5)) reconnect(world, node, copy);
  return `a ${lagging ? 'lagging ' : ''}replica takes over at ${states.map(({ counter }) => counter)}`;
};

/** Somebody deletes keys by hand. */
const mutilate = async (world: World): Promise<string> => {
  const { random } = world;
  const server = random.pick(world.servers);
  const states = await readAll(world, server);
  const what = random.pick(['counter', 'state', 'both', 'gap record', 'receipts'] as const);
  const emptied = states.map((state) => {
    const left: { -readonly [Key in keyof Stored]: Stored[Key] } = { ...state };
    if (what === 'counter' || what === 'both') left.counter = null;
    if (what === 'state' || what === 'both') left.state = new Map();
    if (what === 'gap record') left.gaps = new Map();
    if (what === 'receipts') left.receipts = new Map();
    return left;
  });
  await writeAll(world, server, emptied);
  return `${what} deleted`;
};

/** What only happens where the ceilings are kept elsewhere. */
const befallKept = async (world: World, what: number): Promise<string> => {
  const { random, nodes, servers } = world;
  if (what < 85) return fork(world);
  if (what < 92) return mutilate(world);
  for (const node of nodes) if (random.chance(0.5)) reconnect(world, node, random.pick(servers));
  return 'nodes switch servers';
};

export const befall = async (world: World): Promise<void> => {
  const { random, scene, servers } = world;
  const what = random.below(100);
  let told: string;
  if (what < 35) {
    for (const server of servers) await remember(world, server);
    return;
  }
  if (what < 50) {
    restart(world, random.pick(servers));
    told = 'a server restarts';
  } else if (what < 75) told = await forget(world);
  else if (scene.fence === 'alone') return;
  else told = await befallKept(world, what);
  world.era += 1;
  tell(world, () => `  --- ${told}`);
};

/** A store is away for a while, or a node stands still, or cannot reach the ceilings. */
export const pause = (world: World, node: ModelNode | undefined): void => {
  const { random, scene, timeline, servers } = world;
  const what = random.below(100);
  const untilMs = timeline.nowMs + random.below(random.chance(0.3) ? 5_000 : Math.ceil(scene.paceMs * 12) + 100);
  if (what < 45) {
    const server = random.pick(servers);
    server.awayUntilMs = untilMs;
    tell(world, () => `  --- ${server.identity} is away until ${untilMs}`);
    timeline.plan(untilMs, () => {
      for (const each of world.nodes) if (each.server === server) noticeReturn(world, each);
    });
  } else if (what < 60) world.ceilingsAwayUntilMs = untilMs;
  else if (what < 75 && node) node.cutOffUntilMs = untilMs;
  else if (what < 90 && node && scene.stalls) node.stalledUntilMs = untilMs;
  else if (scene.isLong) passHours(world, node);
  meet(world, 'pause');
};

const MINUTE_MS = 60_000;

/** Time in which a registration lapses, or a node is buried. */
const passHours = (world: World, node: ModelNode | undefined): void => {
  const { random, timeline } = world;
  const durationMs = random.pick([20, 35, 45, 65, 70]) * MINUTE_MS;
  const untilMs = timeline.nowMs + durationMs;
  tell(world, () => `  --- hours pass, until ${untilMs}`);
  if (random.chance(0.3) || node === undefined) timeline.leap(durationMs);
  else if (random.chance(0.5)) node.stalledUntilMs = untilMs;
  else node.cutOffUntilMs = untilMs;
};

const touchAll = (world: World, node: ModelNode): void => {
  const { timeline } = world;
  timeline.plan(timeline.nowMs, () => reach(world, node, () => node.hears.reachable()));
};

/** Nothing is away any more, and everybody talks to one server, whichever it is. Nodes that stand still do so to the end. */
export const heal = (world: World): void => {
  const { random, servers, nodes } = world;
  world.isHealed = true;
  world.ceilingsAwayUntilMs = 0;
  const server = random.pick(servers);
  server.awayUntilMs = 0;
  servers.splice(0, servers.length, server);
  for (const node of nodes) {
    node.cutOffUntilMs = 0;
    const isNew = node.server !== server;
    node.server = server;
    // Nodes that do not notice that they talk to another server find it out by their next call.
    if (isNew && node.status === 'alive') touchAll(world, node);
    else noticeReturn(world, node);
  }
  tell(world, () => `  --- all is well, on ${server.identity}`);
};
