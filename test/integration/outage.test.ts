/** An outage of Redis, as the callers of one node see it: the standby, temporary numbers, and the return. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { type RedisServer, startRedisServer } from '../support/redis.ts';

const STANDBY_SIZE = 10;

describe('an outage of Redis', () => {
  let redis: RedisServer;
  let app: TestApp;

  beforeEach(async () => {
    redis = await startRedisServer({ appendonly: true });
    app = await startApp({ REDIS_URL: redis.url, REDIS_TIMEOUT_MS: '300', STANDBY_SIZE: `${STANDBY_SIZE}` });
    await app.ready();
  });

  afterEach(async () => {
    await app.close();
    await redis.close();
  });

  const register = async (key: string, body: object): Promise<void> => {
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
  };
  const numbersOf = async (key: string, count: number): Promise<string[]> => {
    const reply = await app.call('GET', `/api/numbers/${key}?count=${count}`);
    expect(reply.status).toBe(200);
    return reply.json.numbers;
  };
  const sourceOf = async (key: string): Promise<unknown> =>
    (await app.call('GET', `/api/numbers/${key}`)).headers['x-number-source'];

  test('is bridged by the standby, and afterwards no number is missing', async () => {
    await register('A', { format: '{SEQ:1}' });
    const before = await numbersOf('A', 5);
    expect(before).toEqual(['1', '2', '3', '4', '5']);
    const { standby } = (await app.call('GET', '/api/sequences/A')).json;
    await redis.kill();
    const during = await numbersOf('A', 2);
    expect(during).toEqual([`${BigInt(standby.first)}`, `${BigInt(standby.first) + 1n}`]);
    expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200 });
    expect(await app.call('GET', '/health')).toMatchObject({ status: 200, json: { status: 'degraded' } });
    await redis.restart();
    await expect.poll(() => sourceOf('A')).toBe('redis');
    const state = (await app.call('GET', '/api/sequences/A')).json;
    const after = await numbersOf('A', 40);
    const gaps = (await app.call('GET', '/api/sequences/A/gaps')).json.items;
    // Between the two: the numbers that the polling took, all from Redis or from the standby.
    expect(BigInt(state.value)).toBeGreaterThan(5n);
    expect(new Set([...before, ...during, ...after]).size).toBe(before.length + during.length + after.length);
    expect(gaps).toEqual([]);
    expect(app.log.map(({ event }) => event)).toEqual(expect.arrayContaining(['outage-began', 'store-returned']));
  });

  test('503: once the standby is used up, with Retry-After; another prefix still has its own', async () => {
    await register('A', { format: 'A{SEQ:4}' });
    await register('B', { format: 'B{SEQ:4}' });
    await numbersOf('A', 1);
    await numbersOf('B', 1);
    await redis.kill();
    expect(await numbersOf('A', STANDBY_SIZE)).toHaveLength(STANDBY_SIZE);
    const refused = await app.call('GET', '/api/numbers/A');
    expect(refused).toMatchObject({ status: 503, json: { code: 'STORAGE_UNAVAILABLE' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await numbersOf('B', 1)).toHaveLength(1);
    // More at once than the standby has: refused, and nothing of it is lost.
    expect((await app.call('GET', `/api/numbers/B?count=${STANDBY_SIZE}`)).status).toBe(503);
    expect(await numbersOf('B', STANDBY_SIZE - 1)).toHaveLength(STANDBY_SIZE - 1);
  });

  test('503: outage "reject" never uses a standby', async () => {
    await register('R', { format: 'R{SEQ:4}', outage: 'reject' });
    await numbersOf('R', 3);
    expect((await app.call('GET', '/api/sequences/R')).json.standby).toBeNull();
    await redis.kill();
    expect((await app.call('GET', '/api/numbers/R')).status).toBe(503);
  });

  test('outage "temporary" goes on with tagged stand-ins, hands them over, and resolves each once', async () => {
    await register('T', { format: 'T{SEQ:4}', outage: 'temporary' });
    await numbersOf('T', 1);
    await redis.kill();
    await numbersOf('T', STANDBY_SIZE);
    const single = await app.call('GET', '/api/numbers/T');
    expect(single).toMatchObject({
      status: 200,
      headers: { 'x-number-source': 'temporary' },
      json: { temporary: true },
    });
    expect(single.json.number).toMatch(/^TMP-T-[0-9a-f]{12}-[0-9]{13}-[0-9]+$/);
    const batch = (await app.call('GET', '/api/numbers/T?count=2')).json;
    expect(batch).toMatchObject({ temporary: true, numbers: [expect.any(String), expect.any(String)] });
    const issued = [single.json.number, ...batch.numbers];
    for (const number of issued) {
      expect(app.log).toContainEqual(expect.objectContaining({ level: 'warn', event: 'temporary-number', number }));
    }
    expect((await app.call('GET', '/api/temporary-numbers')).status).toBe(503);
    await redis.restart();
    const listed = async (): Promise<string[]> => {
      const { json } = await app.call('GET', '/api/temporary-numbers');
      return (json.items ?? []).map((item: { number: string }) => item.number);
    };
    await expect.poll(listed).toEqual(issued.toSorted());
    const resolve = (number: string) => app.call('POST', `/api/temporary-numbers/${number}/resolve`);
    const replies = await Promise.all([resolve(issued[0]), resolve(issued[0]), resolve(issued[0])]);
    const resolved = new Set(replies.map(({ json }) => json.resolvedNumber));
    expect(resolved.size).toBe(1);
    expect([...resolved][0]).toMatch(/^T[0-9]{4,}$/);
    expect((await resolve(issued[0])).json.resolvedNumber).toBe([...resolved][0]);
    expect(await resolve('TMP-T-000000000000-1-1')).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect((await app.call('POST', '/api/temporary-numbers/NONSENSE/resolve')).status).toBe(400);
  });

  test('a clean stop gives the standby back: the next node counts on without a gap', async () => {
    await register('A', { format: '{SEQ:1}' });
    await numbersOf('A', 3);
    await app.close();
    app = await startApp({ REDIS_URL: redis.url, STANDBY_SIZE: `${STANDBY_SIZE}` });
    await app.ready();
    const rest: string[] = [];
    for (let turn = 0; turn < 60; turn += 1) rest.push(...(await numbersOf('A', 1)));
    expect(rest).toEqual(Array.from({ length: 60 }, (_, index) => `${index + 4}`));
    expect((await app.call('GET', '/api/sequences/A/gaps')).json.items).toEqual([]);
  });

  test('a batch larger than the distance to the standby stays consecutive', async () => {
    await register('A', { format: '{SEQ:1}' });
    await numbersOf('A', 2);
    expect(await numbersOf('A', 5_000)).toEqual(Array.from({ length: 5_000 }, (_, index) => `${index + 3}`));
    expect(await numbersOf('A', 1)).toEqual(['5003']);
  });
});
