/** Two nodes under load while strategy and format of their prefix change back and forth: no number comes twice. */
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { adminToken, startApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

/** Shorter than a node may go on with the old config, and longer: the message that tells of a change can be lost. */
const STEPS_MS = [50, 400, 0, 900, 150];
const CHANGES = [
  { format: 'L-{SEQ:4}', strategy: 'segment' },
  { format: 'L-{SEQ:6}', strategy: 'counter' },
  { format: 'L-{SEQ:6}', strategy: 'snowflake' },
  { format: 'L-{SEQ:6}', strategy: 'segment' },
  { format: 'L-{SEQ:6}', strategy: 'uuidv7' },
  { format: 'G-{SEQ:6}', strategy: 'gapless' },
  { format: 'L-{year}-{SEQ:4}', strategy: 'counter', reset: 'yearly' },
  { format: 'L-{SEQ:4}', strategy: 'counter' },
  { format: 'L-{SEQ:4}', strategy: 'snowflake' },
  { format: 'L-{SEQ:3}', strategy: 'counter' },
];

test('two nodes under load: no number comes twice through changes of strategy, format and reset, back and forth', async () => {
  const redis = await leaseRedisDatabase();
  const postgres = await leasePostgresDatabase();
  const env = { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000', LOG_LEVEL: 'warn' };
  const apps = [await startApp(env), await startApp(env)] as const;
  await Promise.all(apps.map((app) => app.ready()));
  await apps[0].call('PUT', '/api/prefix-configs/LIVE', { format: 'L-{SEQ:4}' });

  let running = true;
  const numbers: string[] = [];
  const sources = new Set<unknown>();
  const failures: string[] = [];
  const clients = Array.from({ length: 8 }, async (_, index) => {
    const app = apps[index % 2] ?? apps[0];
    while (running) {
      const { status, json, text, headers } = await app.call('GET', '/api/numbers/LIVE?count=3');
      sources.add(headers['x-number-source']);
      if (status === 200) numbers.push(...json.numbers);
      else failures.push(text);
      // Without a turn of the event loop ids made in the node would keep all else waiting.
      await setTimeout(1);
    }
  });
  let refused = 0;
  try {
    for (const [index, change] of [...CHANGES, ...CHANGES.slice(0, 4)].entries()) {
      const app = apps[index % 2] ?? apps[0];
      const reply = await app.call('PUT', '/api/prefix-configs/LIVE', change, {
        authorization: `Bearer ${adminToken}`,
        'if-match': '*',
      });
      expect([200, 400]).toContain(reply.status);
      if (reply.status === 400) refused += 1;
      await setTimeout(STEPS_MS[index % STEPS_MS.length]);
    }
  } finally {
    running = false;
    await Promise.all(clients);
    await Promise.all(apps.map((app) => app.close()));
    await redis.release();
    await postgres.release();
  }

  expect(failures).toEqual([]);
  expect(numbers.length).toBeGreaterThan(1_000);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(refused).toBeLessThan(CHANGES.length);
  expect([...sources]).toEqual(expect.arrayContaining(['redis', 'snowflake', 'uuidv7']));
}, 60_000);
