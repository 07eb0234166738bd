/** Redis loses what it had acknowledged: the end of its file, everything, or all since the last backup. */
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';
import { cutAof, emptyData, markAof, restoreRdb } from '../redis-data.ts';

const EVERYWHERE = ['redis', 'replicas', 'postgres'] as const;

/** Whether the counter is below what clients have seen. */
export const describeLoss = async ({ redis, journal }: Scene): Promise<{ text: string; lost: boolean }> => {
  const counter = await redis.master.client.get('sequence:K');
  const seen = journal.highest('K');
  return { text: `counter of K ${counter ?? 'gone'}, clients saw ${seen}`, lost: Number(counter ?? 0) < seen };
};

/** Kills Redis, does something to its data, and starts it again. No node reaches it before the counter was looked at. */
const spoilData = (scene: Scene, what: string, spoil: () => string): Promise<Outcome> =>
  scene.shutOut(async () => {
    const { server } = scene.redis.master;
    await server.kill();
    const spoilt = spoil();
    await scene.pause(0, 800);
    await server.restart();
    const { text, lost } = await describeLoss(scene);
    return { did: `${what}: ${spoilt}; ${text}`, idle: lost ? undefined : 'the counter is not below what clients saw' };
  });

/** Some hundred milliseconds of writes, and less than a call more so that the file may end within one. */
export const cutTail = async (scene: Scene): Promise<Outcome> => {
  const { master } = scene.redis;
  const mark = markAof(master);
  await scene.pause(200, 1_500);
  return spoilData(
    scene,
    'Redis killed',
    () => `${cutAof(master, mark, scene.random.below(200))} bytes cut off its file`,
  );
};

export const lossNemeses: readonly Nemesis[] = [
  { name: 'aof-cut', about: 'Redis killed, the end of its append-only file lost', backends: EVERYWHERE, run: cutTail },
  {
    name: 'redis-emptied',
    about: 'Redis killed, its data directory emptied',
    backends: EVERYWHERE,
    run: (scene) =>
      spoilData(scene, 'Redis killed', () => {
        emptyData(scene.redis.master);
        return 'data directory emptied';
      }),
  },
  {
    name: 'old-rdb',
    about: "an RDB file made earlier in the run restored: yesterday's backup",
    backends: EVERYWHERE,
    run: (scene) =>
      spoilData(scene, 'Redis killed', () => {
        const { file, takenMs } = scene.backup;
        restoreRdb(scene.redis.master, file);
        return `a backup restored that is ${Math.round((performance.now() - takenMs) / 1_000)} s old`;
      }),
  },
  {
    name: 'flushall',
    about: 'FLUSHALL under load',
    backends: EVERYWHERE,
    run: async ({ redis: { master } }) => {
      const replies = await master.client.multi().get('sequence:K').flushall().get('sequence:K').exec();
      const [before, , after] = (replies ?? []).map(([, reply]) => reply);
      return { did: `FLUSHALL at counter ${before} of K`, idle: before && !after ? undefined : 'nothing was there' };
    },
  },
];
