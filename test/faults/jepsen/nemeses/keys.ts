/** Single keys deleted, evicted, or set by hand. */
import { keysOf } from '../../stored-sequence.ts';
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';

const EVERYWHERE = ['redis', 'replicas', 'postgres'] as const;
const BALLAST = 'ballast:';
const BALLAST_BYTES = 1_000;
const BALLAST_ROUNDS_MAX = 400;
const KEYS_PER_ROUND = 50;
const ROOM_BYTES = 1_000_000;
/** The clock by which Redis finds the least recently used key ticks once a second. */
const QUIET_MS = 2_200;
const ADVANCE_BY = 200;

type KeyName = keyof ReturnType<typeof keysOf>;

const deleteKeys = async ({ redis: { master } }: Scene, keys: readonly KeyName[]): Promise<Outcome> => {
  const names = keysOf('K');
  const commands = master.client.multi().get(names.counter);
  const replies = await commands.del(...keys.map((key) => names[key])).exec();
  const [counter, deleted] = (replies ?? []).map(([, reply]) => reply);
  const did = `DEL ${keys.map((key) => names[key]).join(' ')} at counter ${counter}`;
  return { did, idle: deleted === keys.length ? undefined : `${deleted} of ${keys.length} were there` };
};

/** First there must be something in it: an operator skips a few numbers. */
const deleteGaps = async (scene: Scene): Promise<Outcome> => {
  const [{ url }] = scene.nodes;
  const to = scene.journal.highest('K') + ADVANCE_BY;
  const reply = await fetch(`${url}/api/sequences/K/advance`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ to, reason: 'Something for the gap record.' }),
  });
  await scene.pause(500, 3_000);
  const { did, idle } = await deleteKeys(scene, ['gaps']);
  return { did: `advanced to ${to} (${reply.status}), ${did}`, idle };
};

/** Compared and set in one step, so that it is known between which values it falls. */
const setCounter = async ({ redis: { master } }: Scene, change: number): Promise<Outcome> => {
  const script =
    "local v = redis.call('GET', KEYS[1]); redis.call('SET', KEYS[1], string.format('%.0f', math.max(0, v + ARGV[1]))); return v";
  const before = Number(await master.client.eval(script, 1, keysOf('K').counter, change));
  return { did: `SET ${keysOf('K').counter} from ${before} to ${Math.max(0, before + change)}` };
};

/** Until the counter or the state of K is gone. @returns all keys of the service that are gone. */
const fillUntilEvicted = async ({ redis: { master } }: Scene): Promise<string[]> => {
  const { counter, state } = keysOf('K');
  const before = await master.client.keys('*');
  for (let round = 0; round < BALLAST_ROUNDS_MAX; round += 1) {
    const pipeline = master.client.pipeline();
    for (let key = 0; key < KEYS_PER_ROUND; key += 1)
      pipeline.set(`${BALLAST}${round}:${key}`, 'x'.repeat(BALLAST_BYTES));
    await pipeline.exec();
    if ((await master.client.exists(counter, state)) < 2) break;
  }
  const after = new Set(await master.client.keys('*'));
  return before.filter((key) => !after.has(key));
};

const evict = (scene: Scene): Promise<Outcome> =>
  scene.shutOut(async () => {
    const { client } = scene.redis.master;
    // Keys that are used all the time go last: so nobody asks for a while, as at night.
    await scene.pause(QUIET_MS, QUIET_MS + 500);
    const used = Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await client.config('SET', 'maxmemory', String(used + ROOM_BYTES));
    const gone = await fillUntilEvicted(scene);
    await client.config('SET', 'maxmemory', '0');
    await client.config('SET', 'maxmemory-policy', 'noeviction');
    const ballast = await client.keys(`${BALLAST}*`);
    if (ballast.length > 0) await client.unlink(...ballast);
    return {
      did: `evicted: ${gone.join(', ') || 'nothing'}`,
      idle: gone.length > 0 ? undefined : 'nothing was evicted',
    };
  });

export const keyNemeses: readonly Nemesis[] = [
  {
    name: 'del-counter',
    about: 'DEL of the counter',
    backends: EVERYWHERE,
    run: (scene) => deleteKeys(scene, ['counter']),
  },
  { name: 'del-state', about: 'DEL of the state', backends: EVERYWHERE, run: (scene) => deleteKeys(scene, ['state']) },
  {
    name: 'del-both',
    about: 'DEL of counter and state',
    backends: EVERYWHERE,
    run: (scene) => deleteKeys(scene, ['counter', 'state']),
  },
  { name: 'del-gaps', about: 'advance, then DEL of the gap record', backends: EVERYWHERE, run: deleteGaps },
  { name: 'evict', about: 'maxmemory reached with allkeys-lru', backends: EVERYWHERE, run: evict },
  {
    name: 'set-above',
    about: 'the counter SET to a higher value by hand',
    backends: EVERYWHERE,
    run: (scene) => setCounter(scene, 1_000 + scene.random.below(4_000)),
  },
  {
    name: 'set-below',
    about: 'the counter SET to a lower value by hand',
    backends: EVERYWHERE,
    run: (scene) => setCounter(scene, -100 - scene.random.below(500)),
  },
];
