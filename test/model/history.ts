/** Adversarial histories: who does what when, and how every history ends. */
import { hasReport } from '../../src/allocators/counter/machine/session.ts';
import { owesReport } from '../../src/allocators/counter/machine/session-state.ts';
import { createMemoryCeilingStore } from '../../src/stores/memory/memory-ceiling-store.ts';
import { checkAccount } from './account.ts';
import { deliver, exchange } from './delivery.ts';
import { befall, dropMemories, unite } from './faults.ts';
import { askKeyed, sendKeyed } from './keyed.ts';
import type { Random } from './random.ts';
import { createModelRecovery } from './recovery.ts';
import type { ScriptRunner } from './script-runner.ts';
import { startServer } from './servers.ts';
import {
  check,
  createWorld,
  deal,
  dealFromStandby,
  type ModelNode,
  type Scene,
  send,
  sendAdvance,
  startNode,
  type World,
} from './world.ts';

const ask = (world: World, node: ModelNode): void => {
  const { random, scene } = world;
  node.waiting += 1 + random.below(random.chance(0.2) ? scene.countMax : 4);
  deal(world, node);
  if (node.waiting > 0 && (!node.session.pending || owesReport(node.session))) send(world, node);
};

const shutDown = (world: World, node: ModelNode): void => {
  node.status = 'closing';
  node.waiting = 0;
  node.keys.clear();
  world.log.push(`${node.name} shuts down`);
  send(world, node);
};

const crash = (world: World, node: ModelNode): void => {
  node.status = 'crashed';
  dropMemories(world);
  world.log.push(`${node.name} crashes`);
};

/** The operator: moves the sequence forward, or raises `initialSeq` in the config. */
const operate = async (world: World): Promise<void> => {
  dropMemories(world);
  const { random, scene } = world;
  const step = BigInt(1 + random.below(60));
  let highest = world.floor;
  for (const value of world.issued.keys()) if (value > highest) highest = value;
  if (random.chance(0.7)) await sendAdvance(world, highest - 5n + step > 0n ? highest - 5n + step : 1n);
  else if (highest + step < scene.limit) {
    world.initialSeq = highest + step;
    if (world.initialSeq > world.advancedTo) world.advancedTo = world.initialSeq;
  }
};

const carry = async (world: World): Promise<void> => {
  const { network, random } = world;
  const at = random.below(network.length);
  const message = network[at];
  if (!message || (world.down && message.kind !== 'reply')) return;
  if (random.chance(0.12)) {
    network.splice(at, 1);
    return;
  }
  // Otherwise it is delivered, and now and then a copy of it stays under way.
  if (!random.chance(0.12)) network.splice(at, 1);
  await deliver(world, message);
};

const step = async (world: World): Promise<void> => {
  const { random, scene, nodes } = world;
  const what = random.below(1000);
  const alive = nodes.filter(({ status }) => status === 'alive');
  const node = alive.length > 0 ? random.pick(alive) : undefined;
  if (what < 180 && node) ask(world, node);
  else if (what < 225 && node && scene.keyed) askKeyed(world, node);
  else if (what < 240 && node && scene.keyed) sendKeyed(world, node);
  else if (what < 300 && node && (node.session.pending || owesReport(node.session))) send(world, node);
  else if (what < 380 && node && (node.session.pending || owesReport(node.session))) dealFromStandby(world, node);
  else if (what < 395) world.down = !world.down;
  else if (what < 401 && node && scene.crashes) crash(world, node);
  else if (what < 407 && node && scene.fence !== 'alone') shutDown(world, node);
  else if (what < 435 && alive.length < scene.nodesMax) await startNode(world);
  else if (what < 450 && node && !node.session.pending && !owesReport(node.session) && hasReport(node.session))
    send(world, node);
  else if (what < 458 && scene.advances) await operate(world);
  else if (what < 459) world.standbySize = world.standbySize === 0 ? 5 : 0;
  else if (what < 470) for (const closing of nodes) closing.status === 'closing' && send(world, closing);
  else if (what < 485 && scene.fence !== 'none') await befall(world);
  else if (world.network.length > 0) await carry(world);
  else if (node) ask(world, node);
};

/** The network heals, late copies arrive, all meet at one server, and whoever lives shuts down cleanly. */
const wind = async (world: World): Promise<void> => {
  world.down = false;
  const late = world.network.splice(0).filter(({ kind }) => !kind.endsWith('reply') && world.random.chance(0.5));
  for (const message of late) await deliver(world, message);
  unite(world);
  // Somebody must be there to find out what was lost.
  if (world.scene.fence === 'kept') {
    await startNode(world);
    for (const node of world.nodes.slice(-1)) node.waiting = 1;
  }
  const living = () => world.nodes.filter(({ status }) => status === 'alive' || status === 'closing');
  for (let round = 0; living().length > 0; round++) {
    check(world, round < 100, `${living().map(({ name }) => name)} do not come to rest`);
    for (const node of living()) {
      node.keys.clear();
      // A report and the call that follows it, before others have the node forgotten again.
      for (let i = 0; i < 3 && (node.status === 'alive' || node.status === 'closing'); i++) {
        if (!owesReport(node.session) && !node.session.pending) {
          deal(world, node);
          if (node.waiting === 0) node.status = 'closing';
          send(world, node);
        }
        await exchange(world, node);
        world.network.length = 0;
      }
    }
  }
};

/** @throws Error naming the seed and the last steps, when a promise is broken. */
export const runHistory = async (scene: Scene, random: Random, runner: ScriptRunner): Promise<World> => {
  const server = await startServer(runner, `H${scene.seed}`);
  const ceilings = scene.fence === 'kept' ? scene.wrapCeilings(createMemoryCeilingStore({ now: () => 0 })) : undefined;
  const world = createWorld(scene, random, runner, server, ceilings, createModelRecovery);
  await startNode(world);
  await startNode(world);
  for (let i = 0; i < scene.steps; i++) await step(world);
  await wind(world);
  const [last = server] = world.servers;
  checkAccount(world, await runner.read(last.keys));
  return world;
};
