/** Another server becomes the master: one that lags, while the old one lives on, or for some nodes only. */
import { until } from '../../until.ts';
import type { NodeSlot } from '../cluster.ts';
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';
import type { RedisSite } from '../redis-pair.ts';
import { describeLoss } from './losses.ts';

const WITH_REPLICA = ['replicas', 'postgres'] as const;
const IN_STEP_TIMEOUT_MS = 1_000;
/** Longer than a recovery that waits for nodes that are gone. */
const COUNTING_TIMEOUT_MS = 6_000;

const counterOf = async ({ client }: RedisSite): Promise<number> => Number((await client.get('sequence:K')) ?? 0);

const promoteLagging = async (scene: Scene): Promise<Outcome> => {
  const { redis } = scene;
  await redis.cutReplica();
  await scene.pause(300, 2_000);
  const { text, lost } = await scene.shutOut(async () => {
    await redis.promote();
    await redis.needReplica().server.kill();
    await scene.pointAt(redis.master);
    return describeLoss(scene);
  });
  await scene.pause(0, 1_500);
  await redis.needReplica().server.restart();
  await redis.follow();
  return { did: `lagging replica promoted: ${text}`, idle: lost ? undefined : 'the replica did not lag' };
};

/** The old master is frozen, not dead; when it wakes, one node is led to it once more before it is made a replica. */
const resumeOldMaster = async (scene: Scene): Promise<Outcome> => {
  const { redis, random, nodes } = scene;
  await redis.master.client.wait(1, IN_STEP_TIMEOUT_MS);
  redis.master.server.pause();
  await scene.pause(200, 1_000);
  await redis.promote();
  const taken = await counterOf(redis.master);
  await scene.pointAt(redis.master);
  // The old one is no danger before the new one counts; that it never does is told below.
  const counts = async (): Promise<boolean> => (await counterOf(redis.master)) > taken;
  await until('the new master counts', counts, COUNTING_TIMEOUT_MS).catch(() => undefined);
  await scene.pause(200, 1_000);
  const old = redis.needReplica();
  old.server.resume();
  const [before, promoted] = [await counterOf(old), await counterOf(redis.master)];
  const strayed = random.pick(nodes);
  await scene.pointAt(old, [strayed]);
  await scene.pause(300, 1_500);
  const after = await counterOf(old);
  await scene.pointAt(redis.master, [strayed]);
  await redis.follow();
  return {
    did: `old master frozen at ${before}, resumed when the new one was at ${promoted}; node ${strayed.label} strayed to it: ${after}`,
    idle: before < promoted ? undefined : 'the new master handed out nothing meanwhile',
  };
};

const splitNodes = async (scene: Scene): Promise<Outcome> => {
  const { redis, random, nodes } = scene;
  const count = 1 + random.below(nodes.length - 1);
  const rest: NodeSlot[] = [...nodes];
  const moved = Array.from({ length: count }, () => rest.splice(random.below(rest.length), 1)).flat();
  await redis.master.client.wait(1, IN_STEP_TIMEOUT_MS);
  await redis.cutReplica();
  await redis.promote();
  const old = redis.needReplica();
  const before = await counterOf(old);
  await scene.pointAt(redis.master, moved);
  await scene.pause(1_000, 4_000);
  const [oldCounter, newCounter] = [await counterOf(old), await counterOf(redis.master)];
  await scene.pointAt(redis.master, rest);
  await redis.follow();
  const labels = (some: readonly NodeSlot[]): string => some.map(({ label }) => label).join('');
  return {
    did: `split at ${before}: ${labels(rest)} with the old master to ${oldCounter}, ${labels(moved)} with the new one to ${newCounter}`,
    // With a fence at most one side goes on, so that both moved is no condition.
    idle: oldCounter > before || newCounter > before ? undefined : 'neither master handed out anything',
  };
};

export const failoverNemeses: readonly Nemesis[] = [
  {
    name: 'lagging-replica',
    about: 'replica cut off, then promoted; the master killed',
    backends: WITH_REPLICA,
    run: promoteLagging,
  },
  {
    name: 'old-master',
    about: 'master frozen, replica promoted, old master wakes',
    backends: WITH_REPLICA,
    run: resumeOldMaster,
  },
  {
    name: 'split',
    about: 'some nodes with the old master, some with the new one, then united',
    backends: WITH_REPLICA,
    run: splitNodes,
  },
];
