/** Faults of the Redis server itself: killed, stopped, loading, busy, full, read-only, or with a key of the wrong type. */
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { type Fleet, startFleet } from './fleet.ts';
import { expectWhole, GENTLE_LOAD, startUsualLoad, untilNoticed, untilServedFromStandby } from './scenes.ts';
import { registerPrefix } from './service-calls.ts';
import { keysOf } from './stored-sequence.ts';
import { until } from './until.ts';

const STOPPED_MS = 20_000;

/** Until Redis, asked on a fresh connection past the proxies, replies with that error. */
const untilRedisSays = (fleet: Fleet, error: string): Promise<void> =>
  until(`Redis says ${error}`, async () => {
    const probe = new Redis(fleet.redis.url, { enableReadyCheck: false, retryStrategy: () => null, lazyConnect: true });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
      // One that writes, for READONLY and OOM; and changes nothing.
      await probe.set('probe', '', 'XX');
      return false;
    } catch (caught) {
      return caught instanceof Error && caught.message.includes(error);
    } finally {
      probe.disconnect();
    }
  });

const outageReasons = (fleet: Fleet): string[] =>
  fleet.nodes.map(({ process }) =>
    String(process.logs().findLast(({ event }) => event === 'outage-began')?.['reason']),
  );

test('Redis killed and restarted from its append-only file: the standby serves meanwhile, nothing is lost', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  for (let round = 0; round < 3; round += 1) {
    await fleet.disturb(async () => {
      await untilNoticed(fleet, () => fleet.redis.kill());
      await untilServedFromStandby(fleet, 50);
      await fleet.redis.restart();
    });
  }
  await expectWhole(fleet);
});

test(`Redis stopped for ${STOPPED_MS / 1_000} s and continued: the standby serves all that time, nothing is lost`, async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet, GENTLE_LOAD);
  await fleet.disturb(async () => {
    fleet.redis.pause();
    await delay(STOPPED_MS);
    fleet.redis.resume();
  });
  await expectWhole(fleet);
});

test('scripts flushed again and again: they are loaded again, nobody notices', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  for (let round = 0; round < 50; round += 1) {
    await fleet.client.script('FLUSH');
    await delay(20);
  }
  expect(fleet.count({ source: 'standby' })).toBe(0);
  await expectWhole(fleet);
});

test('Redis out of memory: the standby serves until there is room again', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    await untilNoticed(fleet, () => fleet.client.config('SET', 'maxmemory', '1'));
    await untilServedFromStandby(fleet, 100);
    expect(outageReasons(fleet)).toEqual(fleet.nodes.map(() => expect.stringContaining('OOM')));
    await fleet.client.config('SET', 'maxmemory', '0');
  });
  await expectWhole(fleet);
});

test('Redis made a replica of a server that is not there: the standby serves until it may be written again', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  await fleet.disturb(async () => {
    await untilNoticed(fleet, () => fleet.client.replicaof('127.0.0.1', 9));
    await untilServedFromStandby(fleet, 100);
    expect(outageReasons(fleet)).toEqual(fleet.nodes.map(() => expect.stringContaining('READONLY')));
    await fleet.client.replicaof('NO', 'ONE');
  });
  await expectWhole(fleet);
});

test('Redis busy with a script that does not end: the standby serves until it is killed', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  const other = new Redis(fleet.redis.url, { maxRetriesPerRequest: null });
  await fleet.client.config('SET', 'busy-reply-threshold', '20');
  await fleet.disturb(async () => {
    await untilNoticed(fleet, async () => {
      other.eval('while true do end', 0).catch(() => undefined);
    });
    await untilRedisSays(fleet, 'BUSY');
    await untilServedFromStandby(fleet, 100);
    await fleet.client.script('KILL');
  });
  other.disconnect();
  await expectWhole(fleet);
});

test('Redis loading its data for seconds after a crash: the standby serves until it is ready', async () => {
  // A debugging aid of Redis: so many microseconds per command that it loads.
  await using fleet = await startFleet({ redisArgs: ['--key-load-delay', '500'] });
  const pipeline = fleet.client.pipeline();
  for (let key = 0; key < 4_000; key += 1) pipeline.set(`ballast:${key}`, '');
  await pipeline.exec();
  await startUsualLoad(fleet, GENTLE_LOAD);
  await fleet.disturb(async () => {
    await untilNoticed(fleet, () => fleet.redis.kill());
    const restarted = fleet.redis.restart();
    await untilRedisSays(fleet, 'LOADING');
    await restarted;
  });
  await expectWhole(fleet);
});

test('500 for a prefix whose keys are of the wrong type, and for that one alone', async () => {
  await using fleet = await startFleet();
  await startUsualLoad(fleet);
  const [{ url }] = fleet.nodes;
  for (const key of ['counter', 'state'] as const) {
    const prefixKey = `BAD-${key}`;
    await registerPrefix(url, prefixKey);
    await fleet.client.lpush(keysOf(prefixKey)[key], 'not mine');
    for (const node of fleet.nodes) {
      const reply = await fetch(`${node.url}/api/numbers/${prefixKey}`);
      expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([500, 'INTERNAL']);
    }
  }
  await expectWhole(fleet);
});
