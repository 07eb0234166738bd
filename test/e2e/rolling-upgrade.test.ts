/** A rolling upgrade from an earlier commit, and back: both versions side by side on one Redis, with and without PostgreSQL. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { startRedisServer } from '../support/redis.ts';
import { type Service, startService } from '../support/service.ts';

/** The last commit before stores were read tolerantly. */
const EARLIER = '057eccb';
const ROOT = join(import.meta.dirname, '../..');

let earlierRoot: string;

/** The code of that commit, with the packages of this one. */
const unpackEarlier = (): string => {
  const root = mkdtempSync(join(tmpdir(), 'earlier-version-'));
  const run = (command: string, args: readonly string[], input?: Buffer): Buffer =>
    execFileSync(command, args, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024, ...(input && { input }) });
  try {
    run('tar', ['-x', '-C', root], run('git', ['archive', EARLIER, 'src', 'package.json', 'tsconfig.json']));
  } catch (error) {
    throw new Error(`The commit ${EARLIER} is not in this clone: fetch the whole history (git fetch --unshallow).`, {
      cause: error,
    });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
};

beforeAll(() => {
  earlierRoot = unpackEarlier();
});

afterAll(() => {
  rmSync(earlierRoot, { recursive: true, force: true });
});

interface Reply {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

const call = async (service: Service, method: string, path: string, body?: object, headers = {}): Promise<Reply> => {
  const reply = await fetch(`${service.url}${path}`, {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: reply.status, json: JSON.parse((await reply.text()) || '{}') };
};

/** Takes numbers and writes down every reply. */
const createClient = () => {
  const numbers: string[] = [];
  const refused: string[] = [];
  return {
    numbers,
    refused,
    take: async (prefixKey: string, ...services: readonly Service[]): Promise<void> => {
      for (let round = 0; round < 10; round += 1) {
        const replies = await Promise.all(
          services.map((service) => call(service, 'POST', '/api/numbers', { prefixKey, count: 3 })),
        );
        for (const { status, json } of replies) {
          if (status === 200) numbers.push(...(json['numbers'] as readonly string[]));
          else refused.push(`${prefixKey} ${status} ${JSON.stringify(json)}`);
        }
      }
    },
  };
};

const put = async (service: Service, key: string, body: object, version?: number): Promise<void> => {
  const headers = version === undefined ? {} : { 'if-match': `"${version}"` };
  const path = `/api/prefix-configs/${key}`;
  // Without PostgreSQL's tables, which the first use makes, a change is refused.
  await expect
    .poll(async () => (await call(service, 'PUT', path, body, headers)).status, { timeout: 30_000 })
    .toBe(200);
};

const issuedIn = async (service: Service, key: string): Promise<{ runs: string[]; exact: boolean; issued: number }> => {
  const path = `/api/sequences/${key}/report`;
  await expect.poll(async () => (await call(service, 'GET', path)).status, { timeout: 30_000 }).toBe(200);
  const { runs, summary } = (await call(service, 'GET', path)).json as unknown as {
    readonly runs: readonly Record<string, string>[];
    readonly summary: { readonly exact: boolean; readonly issued: string };
  };
  const seen = runs.filter((run) => run['state'] !== 'held' && run['state'] !== 'open');
  return { runs: seen.map((run) => `${run['state']}`), exact: summary.exact, issued: Number(summary.issued) };
};

describe.each([
  ['Redis', false],
  ['Redis and PostgreSQL', true],
])('a rolling upgrade on %s', (_title, withPostgres) => {
  test('serves every request, before, in between, after, and back: no number twice, and the reports are true', async () => {
    await using stack = new AsyncDisposableStack();
    const redis = stack.use(await startRedisServer({ appendonly: true }));
    const database = withPostgres ? stack.use(await leasePostgresDatabase()) : undefined;
    const env = { REDIS_URL: redis.url, ...(database && { DATABASE_URL: database.url }), STANDBY_SIZE: '20' };
    const start = async (root: string): Promise<Service> => {
      const service = stack.use(await startService({ env, root }));
      const ready = async () => (await call(service, 'GET', '/readyz')).status;
      await expect.poll(ready, { timeout: 60_000 }).toBe(200);
      return service;
    };
    const client = createClient();
    const [one, two] = [await start(earlierRoot), await start(earlierRoot)];
    await put(one, 'OLD', { format: 'OLD-{SEQ:6}', initialSeq: 10 });
    await client.take('OLD', one, two);
    const keyed = { 'idempotency-key': '"upgrade"' };
    const before = await call(one, 'POST', '/api/numbers', { prefixKey: 'OLD' }, keyed);

    await one.stop();
    const next = await start(ROOT);
    await client.take('OLD', two, next);
    expect(await call(next, 'POST', '/api/numbers', { prefixKey: 'OLD' }, keyed)).toEqual(before);
    // What the new version writes the earlier one can read, and the other way round.
    await put(next, 'NEW', { format: 'NEW-{year}-{SEQ:6}', reset: 'yearly', initialSeq: 5 });
    // Where counting began is written down by the version that opens a sequence.
    await client.take('NEW', next);
    await client.take('NEW', next, two);
    await put(next, 'OLD', { format: 'OLD-{SEQ:6}', initialSeq: 0, outage: 'temporary' }, 1);
    await put(
      two,
      'NEW',
      { format: 'NEW-{year}-{SEQ:6}', reset: 'yearly', timeZone: 'Europe/Berlin', initialSeq: 5 },
      1,
    );
    for (const service of [two, next]) {
      const config = await call(service, 'GET', '/api/prefix-configs/OLD');
      expect(config.json).toMatchObject({ outage: 'temporary', version: 2, initialSeq: '0' });
      const changed = await call(service, 'GET', '/api/prefix-configs/NEW');
      expect(changed.json).toMatchObject({ timeZone: 'Europe/Berlin', version: 2 });
    }
    await client.take('OLD', next, two);
    await client.take('NEW', two, next);

    await two.stop();
    const last = await start(ROOT);
    await client.take('OLD', next, last);
    await next.stop();
    const back = await start(earlierRoot);
    await client.take('OLD', back, last);
    await client.take('NEW', last, back);

    expect(client.refused).toEqual([]);
    expect(new Set(client.numbers).size).toBe(client.numbers.length);
    const countOf = (key: string): number => client.numbers.filter((number) => number.startsWith(key)).length;
    const fresh = await issuedIn(last, 'NEW');
    expect(fresh).toEqual({ runs: ['issued'], exact: true, issued: countOf('NEW') });
    const old = await issuedIn(last, 'OLD');
    // The earlier version did not write down in PostgreSQL where counting began, and the config was changed since.
    if (withPostgres) expect(old.exact).toBe(false);
    else expect(old).toEqual({ runs: ['issued'], exact: true, issued: countOf('OLD') + 1 });
    await back.stop();
    await last.stop();
  });
});
