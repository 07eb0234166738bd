/** What test/support promises about Redis holds, for every other test that touches Redis relies on it. */
import { existsSync } from 'node:fs';
import { Redis } from 'ioredis';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startRedisServer } from '../support/redis.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const connect = (url: string): Redis => {
  const client = new Redis(url);
  onTestFinished(() => client.disconnect());
  return client;
};

test('two leased databases do not see each other', async () => {
  await using one = await leaseRedisDatabase();
  await using other = await leaseRedisDatabase();
  await one.client.set('sequence:INV', '7');
  expect(await other.client.dbsize()).toBe(0);
  expect(await connect(one.url).get('sequence:INV')).toBe('7');
});

test('a released database is empty', async () => {
  const database = await leaseRedisDatabase();
  await database.client.set('sequence:INV', '7');
  await database.release();
  expect(await connect(database.url).dbsize()).toBe(0);
});

test("a database with somebody's data is never leased", async () => {
  const { url, release } = await leaseRedisDatabase();
  await release();
  const owner = connect(url);
  await owner.set('precious', '1');
  await using leased = await leaseRedisDatabase();
  expect(leased.url).not.toBe(url);
  expect(await owner.getdel('precious')).toBe('1');
});

test('the shared Redis never evicts, so counters are safe in it', async () => {
  expect(await connect(inject('redisUrl')).config('GET', 'maxmemory-policy')).toEqual([
    'maxmemory-policy',
    'noeviction',
  ]);
});

test('an append-only server has its data back after kill -9 and restart, on the same port', async () => {
  await using server = await startRedisServer({ appendonly: true });
  await connect(server.url).set('sequence:INV', '7');
  const pid = server.pid();
  await server.kill();
  await server.restart();
  expect(server.pid()).not.toBe(pid);
  expect(await connect(server.url).get('sequence:INV')).toBe('7');
});

test('a server without append-only file comes back empty', async () => {
  await using server = await startRedisServer();
  await connect(server.url).set('sequence:INV', '7');
  await server.restart();
  expect(await connect(server.url).dbsize()).toBe(0);
});

test('a paused server answers nothing until it is resumed', async () => {
  await using server = await startRedisServer();
  const client = new Redis(server.url, { commandTimeout: 100 });
  onTestFinished(() => client.disconnect());
  expect(await client.ping()).toBe('PONG');
  server.pause();
  await expect(client.ping()).rejects.toThrow('Command timed out');
  server.resume();
  expect(await client.ping()).toBe('PONG');
});

test('a closed server leaves no process and no directory, even when it was paused', async () => {
  const server = await startRedisServer();
  server.pause();
  await server.close();
  expect(() => process.kill(server.pid(), 0)).toThrow('ESRCH');
  expect(existsSync(server.dir)).toBe(false);
});

test('a port that is taken is refused with its number', async () => {
  await using server = await startRedisServer();
  await expect(startRedisServer({ port: server.port })).rejects.toThrow(`Port ${server.port} is taken.`);
});
