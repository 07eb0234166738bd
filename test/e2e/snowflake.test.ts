/** Snowflake ids from processes of their own: distinct and rising; under clocks that step back (libfaketime); stopped past a lease. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { readSnowflake } from '../../src/core/snowflake/snowflake.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';

/** 16 and 1,000,000 in the long run: docs/development.md. */
const PROCESSES = Number(process.env['SNOWFLAKE_PROCESSES'] ?? 3);
const IDS = Number(process.env['SNOWFLAKE_IDS'] ?? 30_000);
const BATCH = 10_000;
/** Past the 20 s for which a lease may be used without a renewal. */
const STOP_MS = 21_000;
const SLIGHT_STEPS_MAX = 100;
const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';

const opened: (Service | RedisServer)[] = [];
const opening = async <T extends Service | RedisServer>(work: Promise<T>): Promise<T> => {
  const started = await work;
  opened.push(started);
  return started;
};

afterEach(async () => {
  for (const running of opened.splice(0).toReversed()) await running.close();
});

const register = async ({ url }: Service): Promise<void> => {
  const reply = await fetch(`${url}/api/prefix-configs/SNOW`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ format: '{SEQ:1}', strategy: 'snowflake' }),
  });
  expect(reply.status).toBe(200);
};

const take = async ({ url }: Service, count: number): Promise<bigint[]> => {
  const reply = await fetch(`${url}/api/numbers/SNOW?count=${count}`);
  expect(reply.status).toBe(200);
  return ((await reply.json()) as { numbers: string[] }).numbers.map(BigInt);
};

const partsOf = (id: bigint | undefined) => {
  const parts = id === undefined ? undefined : readSnowflake(id);
  if (parts === undefined) throw new Error(`${id} is no snowflake`);
  return parts;
};

const isReady = async ({ url }: Service): Promise<number> => (await fetch(`${url}/readyz`)).status;

describe('snowflake ids', () => {
  test(`of ${PROCESSES} processes, ${IDS} each, are distinct, and rising in each`, async () => {
    const redis = await opening(startRedisServer());
    const env = { REDIS_URL: redis.url };
    const nodes = await Promise.all(Array.from({ length: PROCESSES }, () => opening(startService({ env }))));
    for (const node of nodes) await expect.poll(() => isReady(node), { timeout: 20_000 }).toBe(200);
    const [first] = nodes;
    if (first !== undefined) await register(first);
    const workers = await Promise.all(
      nodes.map(async (node) => {
        const held = new Set<number>();
        let last = 0n;
        for (let made = 0; made < IDS; made += BATCH) {
          for (const id of await take(node, Math.min(BATCH, IDS - made))) {
            if (id <= last) throw new Error(`${id} follows ${last}`);
            last = id;
            held.add(partsOf(id).worker);
          }
        }
        return held;
      }),
    );
    // Rising in each process, and never under the worker id of another: so distinct.
    const ids = workers.flatMap((held) => [...held]);
    expect(new Set(ids).size).toBe(ids.length);
  }, 1_800_000);

  test('stay distinct when the clock steps back by 3 ms, 200 ms, 3 s and a day, and when a restart finds it set back', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faketime-'));
    const clockFile = join(folder, 'clock');
    const setClock = (offset: string): void => writeFileSync(clockFile, offset);
    setClock('+0');
    const env = {
      DATA_DIR: join(folder, 'data'),
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: clockFile,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    const node = await opening(startService({ env }));
    await register(node);
    const ids: bigint[] = [];
    const workers: number[] = [];
    const handlings = (): Set<unknown> =>
      new Set(
        node
          .logs()
          .filter(({ event }) => event === 'clock-stepped-back')
          .map(({ handling }) => handling),
      );
    const takeRising = async (): Promise<void> => {
      const batch = [...(await take(node, 2_000)), ...(await take(node, 2_000))];
      expect(batch).toEqual(batch.toSorted((a, b) => (a < b ? -1 : 1)));
      ids.push(...batch);
      workers.push(partsOf(batch.at(-1)).worker);
    };
    await takeRising();
    // Between two requests more than 3 ms pass by themselves: the clock is stepped while ids are made, until a step was met.
    let back = 0;
    for (let attempt = 1; attempt <= SLIGHT_STEPS_MAX && !handlings().has('waited'); attempt += 1) {
      const under = Array.from({ length: 6 }, () => take(node, BATCH));
      await setTimeout(attempt % 20);
      back += 0.003;
      setClock(`-${back.toFixed(3)}`);
      ids.push(...(await Promise.all(under)).flat());
    }
    await takeRising();
    for (const further of [0.2, 3.2, 86_403.2]) {
      setClock(`-${(back + further).toFixed(3)}`);
      await takeRising();
    }
    expect(workers[0]).toBe(workers[2]);
    expect(new Set(workers.slice(2)).size).toBe(3);
    expect(handlings()).toEqual(new Set(['waited', 'kept', 'fresh-worker']));
    await node.close();

    setClock('-90000');
    const again = await opening(startService({ env }));
    ids.push(...(await take(again, 2_000)));
    expect(new Set(ids).size).toBe(ids.length);
    expect(workers).not.toContain(partsOf(ids.at(-1)).worker);
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('of a process that was stopped past its lease, which is another’s by now, carry a worker id that it has leased anew', async () => {
    const redis = await opening(startRedisServer());
    const node = await opening(startService({ env: { REDIS_URL: redis.url } }));
    await expect.poll(() => isReady(node)).toBe(200);
    await register(node);
    const { worker } = partsOf((await take(node, 1))[0]);
    process.kill(node.pid, 'SIGSTOP');
    const client = new Redis(redis.url);
    const field = `worker:0:${worker}`;
    const [, until, bound] = (await client.hget('workers', field))?.split(' ') ?? [];
    await client.hset('workers', field, `another ${Number(until) + 60_000} ${bound}`);
    await setTimeout(STOP_MS);
    process.kill(node.pid, 'SIGCONT');
    const after = await Promise.all(Array.from({ length: 50 }, () => take(node, 10)));
    const used = new Set(after.flat().map((id) => partsOf(id).worker));
    expect(used.size).toBe(1);
    expect(used).not.toContain(worker);
    expect(await client.hget('workers', field)).toMatch(/^another /);
    client.disconnect();
  }, 60_000);
});
