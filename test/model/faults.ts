/** What befalls servers: they restart, forget, are copied, come back; and nodes that talk to another one than before. */
import type { Stored } from './script-runner.ts';
import { remember, restart, startServer } from './servers.ts';
import type { World } from './world.ts';

const SERVERS_MAX = 3;

/** Alone, servers cannot know of what was lost together with the only node that knew it: such losses are not played. */
export const dropMemories = (world: World): void => {
  if (world.scene.fence === 'alone') for (const { memories } of world.servers) memories.length = 0;
};

const forget = async (world: World): Promise<string> => {
  const { random, runner } = world;
  const server = random.pick(world.servers);
  const memory = server.memories.length > 0 && !random.chance(0.2) ? random.pick(server.memories) : undefined;
  if (memory === undefined && world.scene.fence === 'alone') return 'nothing';
  await runner.write(server.keys, memory);
  if (memory !== undefined || random.chance(0.5)) await restart(runner, server);
  return memory === undefined ? 'a server is emptied' : `a server falls back to ${memory.counter}`;
};

/** A replica takes over, up to date or lagging; some nodes do not notice. */
const fork = async (world: World): Promise<string> => {
  const { random, runner, servers } = world;
  if (servers.length === SERVERS_MAX) servers.splice(random.below(servers.length), 1);
  const origin = random.pick(servers);
  const lagging = origin.memories.length > 0 && random.chance(0.6);
  const state = lagging ? random.pick(origin.memories) : await runner.read(origin.keys);
  const copy = await startServer(runner, `H${world.scene.seed}x${++world.calls}`);
  await runner.write(copy.keys, state);
  servers.push(copy);
  for (const node of world.nodes) if (random.chance(0.5)) node.server = copy;
  return `a ${lagging ? 'lagging ' : ''}replica takes over at ${state.counter}`;
};

/** Somebody deletes a key by hand. */
const mutilate = async (world: World): Promise<string> => {
  const { random, runner } = world;
  const { keys } = random.pick(world.servers);
  const state = await runner.read(keys);
  const what = random.pick(['counter', 'state', 'both', 'gap record', 'receipts'] as const);
  const emptied: { -readonly [Key in keyof Stored]: Stored[Key] } = { ...state };
  if (what === 'counter' || what === 'both') emptied.counter = null;
  if (what === 'state' || what === 'both') emptied.state = new Map();
  if (what === 'gap record') emptied.gaps = new Map();
  if (what === 'receipts') emptied.receipts = new Map();
  await runner.write(keys, emptied);
  return `${what} deleted`;
};

export const befall = async (world: World): Promise<void> => {
  const { random, scene } = world;
  const what = random.below(100);
  let told: string;
  if (what < 35) {
    for (const server of world.servers) await remember(world.runner, server);
    return;
  }
  if (what < 50) {
    await restart(world.runner, random.pick(world.servers));
    told = 'a server restarts';
  } else if (what < 75) told = await forget(world);
  else if (scene.fence === 'alone') return;
  else if (what < 85) told = await fork(world);
  else if (what < 92) told = await mutilate(world);
  else {
    for (const node of world.nodes) if (random.chance(0.5)) node.server = random.pick(world.servers);
    told = 'nodes switch servers';
  }
  world.era += 1;
  world.log.push(`  --- ${told}`);
};

/** Everybody talks to one server, whichever it is. */
export const unite = (world: World): void => {
  const server = world.random.pick(world.servers);
  world.servers.splice(0, world.servers.length, server);
  for (const node of world.nodes) node.server = server;
};
