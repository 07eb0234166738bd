/** The metrics of a running service: what is promised in docs/observability.md, small however many prefixes there are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, startApp, type TestApp } from '../support/app.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';

const MEGABYTE = 1_000_000;
const PREFIXES = 10_000;
const PREFIXES_AT_ONCE = 500;

const textOf = async (app: TestApp): Promise<string> => (await app.call('GET', '/metrics')).text;
const sampleOf = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
};

describe('on Redis', () => {
  let redis: OwnRedis;
  let app: TestApp;
  beforeAll(async () => {
    redis = await startOwnRedis();
    // However busy the machine is, nothing is refused here.
    app = await startApp({ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '60000', STANDBY_SIZE: '50' });
    await app.ready();
  });
  afterAll(async () => {
    await app.close();
    await redis.stop();
  });

  test('200: calls of the store, sizes of trips, the standby and the gaps are shown', async () => {
    await app.call('PUT', '/api/prefix-configs/INV', { format: 'INV-{SEQ:4}' });
    await Promise.all(Array.from({ length: 40 }, () => app.call('GET', '/api/numbers/INV')));
    await app.call('POST', '/api/sequences/INV/advance', { to: '500', reason: 'a test' });
    await app.call('GET', '/api/numbers/INV');
    await app.watchHoldings();
    const text = await textOf(app);
    const reserves = '{store="redis",operation="counters.reserve"}';
    expect(sampleOf(text, `number_generator_store_call_duration_seconds_count${reserves}`)).toBeGreaterThan(1);
    const trips = sampleOf(text, 'number_generator_batch_values_count{store="redis"}') ?? 0;
    expect(sampleOf(text, 'number_generator_batch_values_sum{store="redis"}')).toBe(41);
    // They waited together, and so travelled together.
    expect(trips).toBeLessThan(20);
    expect(sampleOf(text, 'number_generator_standby_values_left{prefix="INV"}')).toBe(50);
    expect(sampleOf(text, 'number_generator_standby_left_ratio{prefix="INV"}')).toBe(1);
    expect(sampleOf(text, 'number_generator_gap_record_entries{prefix="INV"}')).toBeGreaterThanOrEqual(1);
    expect(sampleOf(text, 'number_generator_sequences_advanced_total')).toBe(1);
    expect(sampleOf(text, 'number_generator_guarantee{kind="redis"}')).toBe(1);
  });

  test('200: with ten thousand prefixes in use the text is under 1 MB and costs under 100 ms of the processor', async () => {
    const keys = Array.from({ length: PREFIXES }, (_, index) => `A-RATHER-LONG-PREFIX-KEY-${index}`);
    const fields = keys.flatMap((key) => [key, JSON.stringify({ format: `${key}-{SEQ:6}` })]);
    await redis.client.hset('prefix_configs', ...fields);
    for (let from = 0; from < keys.length; from += PREFIXES_AT_ONCE) {
      const some = keys.slice(from, from + PREFIXES_AT_ONCE);
      await Promise.all(some.map((key) => app.server.inject({ url: `/api/numbers/${key}` })));
    }
    await app.watchCapacity();
    await app.watchHoldings();
    // Processor time, not time of day: others use this machine too. The best of some, for the service works beside it.
    const costsMs: number[] = [];
    let text = '';
    for (let round = 0; round < 5; round += 1) {
      const before = process.cpuUsage();
      text = await textOf(app);
      const { user, system } = process.cpuUsage(before);
      costsMs.push((user + system) / 1_000);
    }
    expect(text.length).toBeLessThan(MEGABYTE);
    expect(Math.min(...costsMs)).toBeLessThan(100);
    const issued = [...text.matchAll(/^number_generator_numbers_issued_total\{.*\} (\d+)$/gm)];
    expect(issued.filter(([line]) => line.includes('source="redis"'))).toHaveLength(101);
    expect(issued.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(PREFIXES + 41);
    for (const name of ['capacity_used_ratio', 'standby_left_ratio', 'gap_record_entries']) {
      const lines = text.split('\n').filter((line) => line.startsWith(`number_generator_${name}{`));
      expect([name, lines.length, lines.filter((line) => line.includes('"other"')).length]).toEqual([name, 101, 1]);
    }
  });
});

test('404: with METRICS_PORT the API does not show them, the server of their own does', async () => {
  const app = await startApp({ METRICS_PORT: '9464' });
  expect((await app.call('GET', '/metrics')).status).toBe(404);
  const reply = await app.metricsServer?.inject('/metrics');
  expect(reply?.statusCode).toBe(200);
  expect(reply?.body).toContain('number_generator_info{version="0.0.0-test"');
  await app.close();
});

describe('what strangers are shown', () => {
  const PREFIX_KEY = 'SECRET-MERGER-2027';
  const asTold = (text: string): string[] => text.match(/prefix="[^"]*"/g) ?? [];
  const useOne = async (app: TestApp): Promise<void> => {
    await app.call('PUT', `/api/prefix-configs/${PREFIX_KEY}`, { format: 'X-{SEQ:6}', allowCollision: true });
    expect((await app.call('GET', `/api/numbers/${PREFIX_KEY}?count=7`)).status).toBe(200);
    await app.watchCapacity();
    await app.watchHoldings();
  };
  const shownTo = async (app: TestApp, headers: Record<string, string>): Promise<{ status: number; text: string }> =>
    app.call('GET', '/metrics', undefined, headers);

  test('200: names no prefix to callers who may not read all prefix configs, and tells them apart to who may', async () => {
    const app = await startApp({ NUMBERS_AUTH: 'required' });
    await useOne(app);
    const narrowed = bearer({ scope: 'configs:read:OTHER-* numbers:issue' });
    const all = bearer({ scope: 'configs:read' });
    for (const headers of [{}, narrowed]) {
      const { status, text } = await shownTo(app, headers);
      expect(status).toBe(200);
      expect(text).not.toContain('MERGER');
      expect(new Set(asTold(text))).toEqual(new Set(['prefix="other"']));
      const issued = '{prefix="other",strategy="counter",source="sqlite"}';
      expect(sampleOf(text, `number_generator_numbers_issued_total${issued}`)).toBe(7);
      expect(sampleOf(text, 'number_generator_capacity_used_ratio{prefix="other"}')).toBeGreaterThan(0);
    }
    const { text } = await shownTo(app, all);
    expect(asTold(text)).toContain(`prefix="${PREFIX_KEY}"`);
    expect((await shownTo(app, { authorization: 'Bearer a.b.c' })).status).toBe(401);
    await app.close();
  });

  test('401, 403: with METRICS_AUTH=required only callers who may read prefix configs see metrics', async () => {
    const app = await startApp({ METRICS_AUTH: 'required' });
    const issuer = bearer({ scope: 'numbers:issue' });
    const reader = bearer({ scope: 'configs:read' });
    const replies = await Promise.all([{}, issuer, reader].map((headers) => shownTo(app, headers)));
    expect(replies.map(({ status }) => status)).toEqual([401, 403, 200]);
    expect(JSON.parse(replies[0]?.text ?? '')).toMatchObject({ code: 'UNAUTHORIZED' });
    await app.close();
  });

  test('200: with METRICS_PORT who reaches that port sees prefixes apart', async () => {
    const app = await startApp({ METRICS_PORT: '9464' });
    await useOne(app);
    expect(asTold((await app.metricsServer?.inject('/metrics'))?.body ?? '')).toContain(`prefix="${PREFIX_KEY}"`);
    await app.close();
  });
});
