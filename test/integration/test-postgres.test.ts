/** The PostgreSQL of the tests: servers of one's own that can be treated badly, and databases that never meet. */
import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { describe, expect, test } from 'vitest';
import { startPostgresServer } from '../support/postgres.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';

const ask = async (url: string, text: string): Promise<unknown> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows[0]?.[0];
  } finally {
    await client.end();
  }
};

describe('a server of a test’s own', () => {
  test('keeps its data through kill -9 and restart, on the same port, and leaves nothing behind', async () => {
    const server = await startPostgresServer();
    const dir = String(await ask(server.url, 'SHOW data_directory'));
    expect(existsSync(dir)).toBe(true);
    await ask(server.url, 'CREATE TABLE kept AS SELECT 42 AS value');
    await server.kill();
    await expect(ask(server.url, 'SELECT 1')).rejects.toThrow();
    await server.restart();
    expect(await ask(server.url, 'SELECT value FROM kept')).toBe(42);
    await server.stop();
    await server.restart();
    expect(await ask(server.url, 'SHOW fsync')).toBe('on');
    expect(await ask(server.url, 'SHOW unix_socket_directories')).toBe('');
    await server.close();
    await server.close();
    expect(existsSync(dir)).toBe(false);
  });

  test('answers nothing while it is paused, and goes on afterwards', async () => {
    await using server = await startPostgresServer();
    server.pause();
    const answer = ask(server.url, 'SELECT 1');
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 200, 'silence'))]);
    expect(first).toBe('silence');
    server.resume();
    expect(await answer).toBe(1);
    // Closed in any state.
    server.pause();
  });
});

describe('a leased database', () => {
  test('is empty, apart from all others, and gone afterwards', async () => {
    const [one, other] = [await leasePostgresDatabase(), await leasePostgresDatabase()];
    await one.query('CREATE TABLE mine (value int)');
    expect(await other.query("SELECT to_regclass('mine') AS found")).toEqual([{ found: null }]);
    await one.release();
    await other.release();
    await expect(ask(one.url, 'SELECT 1')).rejects.toThrow(/does not exist/);
  });
});
