/** Servers and links that go away and come back with all they had. */
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';
import { cutAof, markAof } from '../redis-data.ts';
import { describeLoss } from './losses.ts';

const EVERYWHERE = ['redis', 'replicas', 'postgres'] as const;

const restartRedis = async (scene: Scene): Promise<Outcome> => {
  const { server } = scene.redis.master;
  const before = server.pid();
  await server.stop();
  const seen = scene.journal.highest('K');
  await scene.pause(0, 1_000);
  await server.restart();
  return {
    did: `Redis stopped in good order at ${seen}, and started`,
    idle: server.pid() === before ? 'it did not stop' : undefined,
  };
};

const killPostgres = async (scene: Scene): Promise<Outcome> => {
  const postgres = scene.needPostgres();
  await postgres.kill();
  const fromMs = performance.now();
  await scene.pause(1_000, 6_000);
  await postgres.restart();
  return { did: `PostgreSQL killed, away for ${Math.round(performance.now() - fromMs)} ms` };
};

const killBoth = async (scene: Scene): Promise<Outcome> => {
  const postgres = scene.needPostgres();
  const { master } = scene.redis;
  const mark = markAof(master);
  await scene.pause(200, 1_500);
  return scene.shutOut(async () => {
    await Promise.all([postgres.kill(), master.server.kill()]);
    const bytes = cutAof(master, mark, 0);
    await scene.pause(0, 2_000);
    const redisFirst = scene.random.chance(0.5);
    await (redisFirst ? master.server.restart() : postgres.restart());
    await scene.pause(0, 2_000);
    await (redisFirst ? postgres.restart() : master.server.restart());
    const { text, lost } = await describeLoss(scene);
    const order = redisFirst ? 'Redis back first' : 'PostgreSQL back first';
    return {
      did: `both killed, ${bytes} bytes cut off; ${order}; ${text}`,
      idle: lost ? undefined : 'nothing was lost',
    };
  });
};

const cutLinks = async (scene: Scene): Promise<Outcome> => {
  const { random, nodes } = scene;
  const some = random.chance(0.5) ? nodes : [random.pick(nodes)];
  const hung = random.chance(0.5);
  const toxic = { type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } } as const;
  for (const { link } of some) await (hung ? link.add(toxic) : link.disable());
  await scene.pause(500, 3_000);
  for (const { link } of some) await link.heal();
  return { did: `links of ${some.map(({ label }) => label).join('')} ${hung ? 'silent' : 'closed'}` };
};

export const serverNemeses: readonly Nemesis[] = [
  {
    name: 'redis-restart',
    about: 'Redis restarted in good order: no gap, no jump',
    backends: EVERYWHERE,
    run: restartRedis,
  },
  { name: 'postgres-killed', about: 'PostgreSQL killed for some seconds', backends: ['postgres'], run: killPostgres },
  {
    name: 'both-killed',
    about: 'PostgreSQL and Redis killed, the end of the append-only file lost',
    backends: ['postgres'],
    run: killBoth,
  },
  {
    name: 'link-cut',
    about: 'the links to Redis of one node or all closed, or silent',
    backends: EVERYWHERE,
    run: cutLinks,
  },
];
