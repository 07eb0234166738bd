/** Values that a node holds below the counter while the format is changed: it hands them out later, in the format it knows then. */
import { expect, test } from 'vitest';
import { adminToken, startApp, type TestApp } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';

test.each(['redis', 'redis and postgres'])(
  '200: what a node held below the counter when the format was changed is never read as not issued, on %s',
  async (store) => {
    const redis = await startRedisServer({ appendonly: true });
    const postgres = store === 'redis' ? undefined : await leasePostgresDatabase();
    const env = { REDIS_URL: redis.url, STANDBY_SIZE: '10', ...(postgres && { DATABASE_URL: postgres.url }) };
    const [holder, other] = [await startApp(env), await startApp(env)];
    try {
      await Promise.all([holder.ready(), other.ready()]);
      const take = async (app: TestApp): Promise<string> => (await app.call('GET', '/api/numbers/H')).json.number;
      const sourceOf = async (app: TestApp) => (await app.call('GET', '/api/numbers/H')).headers['x-number-source'];
      const readings = async (number: string) =>
        (await other.call('POST', '/api/numbers/parse', { number, prefixKey: 'H' })).json.readings;
      await other.call('PUT', '/api/prefix-configs/H', { format: 'H-{SEQ:4}' });
      expect(await take(holder)).toBe('H-0001');
      const standbyOf = async () => (await holder.call('GET', '/api/sequences/H')).json.standby;
      await expect.poll(standbyOf).not.toBeNull();
      const { first } = await standbyOf();
      // The other node goes on above what this one holds, which then lies below the counter.
      let last = 0;
      while (last <= Number(first)) last = Number((await take(other)).slice(2));
      const headers = { authorization: `Bearer ${adminToken}`, 'if-match': '*' };
      const changed = await other.call('PUT', '/api/prefix-configs/H', { format: 'N{SEQ:5}' }, headers);
      expect(changed.status).toBe(200);
      const formatOf = async () => (await holder.call('GET', '/api/prefix-configs/H/preview')).json.number.slice(0, 1);
      await expect.poll(formatOf).toBe('N');

      await redis.kill();
      const numbers: string[] = [];
      for (let asked = 0; asked < 3; asked += 1) numbers.push(await take(holder));
      expect(numbers.map((number) => Number(number.slice(1))).some((value) => value < last)).toBe(true);
      await redis.restart();
      await expect.poll(() => sourceOf(holder), { timeout: 20_000 }).toBe('redis');

      for (const number of numbers) {
        const told = await readings(number);
        expect(told).toMatchObject([{ value: `${Number(number.slice(1))}` }]);
        expect(['issued', 'unknown'], `${number}: ${told[0].reason}`).toContain(told[0].issued);
      }
      expect(await readings('H-0001')).toMatchObject([{ issued: 'issued' }]);
    } finally {
      await Promise.all([holder.close(), other.close()]);
      await postgres?.release();
      await redis.close();
    }
  },
);
