/** Nodes that die while a loss of Redis is being repaired. */
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';
import { cutTail } from './losses.ts';

const TRIES = 3;

const isRecovering = async ({ redis: { master } }: Scene): Promise<boolean> => {
  const rec = await master.client.hget('{sequence:K}:state', 'rec').catch(() => null);
  return typeof rec === 'string' && !rec.startsWith('done');
};

const killInRecovery = async (scene: Scene): Promise<Outcome> => {
  const { did, idle } = await cutTail(scene);
  const node = scene.random.pick(scene.nodes);
  const backMs = performance.now();
  await scene.pause(0, scene.random.chance(0.5) ? 60 : 1_200);
  const recovering = await isRecovering(scene);
  await scene.kill(node);
  const afterMs = Math.round(performance.now() - backMs);
  await scene.pause(0, 4_000);
  await scene.start(node);
  return {
    did: `${did}; node ${node.label} killed ${afterMs} ms later, recovery ${recovering ? 'under way' : 'not under way'}`,
    idle,
  };
};

/** Any node may be the one that commits to PostgreSQL: its way to Redis is cut at a random moment, then it is killed. */
const killCoordinator = async (scene: Scene): Promise<Outcome> => {
  const did: string[] = [];
  let idle: string | undefined;
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const node = scene.random.pick(scene.nodes);
    const outcome = await cutTail(scene);
    idle ??= outcome.idle;
    const backMs = performance.now();
    await scene.pause(0, scene.random.chance(0.7) ? 80 : 1_200);
    await node.link.disable();
    const cutMs = Math.round(performance.now() - backMs);
    await scene.pause(0, 150);
    await scene.kill(node);
    await node.link.enable();
    did.push(`${outcome.did}; ${node.label} cut off ${cutMs} ms later and killed`);
    await scene.pause(0, 3_500);
    await scene.start(node);
  }
  return { did: did.join(' | '), idle };
};

export const recoveryNemeses: readonly Nemesis[] = [
  {
    name: 'node-killed-in-recovery',
    about: 'aof-cut, and a node killed while it is repaired',
    backends: ['redis', 'replicas', 'postgres'],
    run: killInRecovery,
  },
  {
    name: 'coordinator-killed',
    about: `aof-cut, a node cut off from Redis and killed between PostgreSQL and Redis, ${TRIES} times`,
    backends: ['postgres'],
    run: killCoordinator,
  },
];
