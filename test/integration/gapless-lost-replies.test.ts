/** One Idempotency-Key of a gapless prefix is one request, whichever replies of PostgreSQL and Redis are lost, through either node. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase, type PostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase, type RedisDatabase } from '../support/redis-database.ts';
import { type ReplyProxy, startReplyProxy } from '../support/reply-proxy.ts';

let redis: RedisDatabase;
let postgres: PostgresDatabase;
let ledgerLink: ReplyProxy;
let counterLink: ReplyProxy;
/** Its replies are lost. */
let near: TestApp;
let far: TestApp;
let keys = 0;

const behind = async (address: string): Promise<{ link: ReplyProxy; url: string }> => {
  const url = new URL(address);
  const link = await startReplyProxy(Number(url.port));
  url.port = `${link.port}`;
  url.hostname = '127.0.0.1';
  return { link, url: url.href };
};

beforeAll(async () => {
  [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
  const [counters, ledger] = [await behind(redis.url), await behind(postgres.url)];
  [counterLink, ledgerLink] = [counters.link, ledger.link];
  near = await startApp({
    REDIS_URL: counters.url,
    DATABASE_URL: ledger.url,
    DATABASE_TIMEOUT_MS: '1000',
    REDIS_TIMEOUT_MS: '1000',
  });
  far = await startApp({ REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '10000' });
  await Promise.all([near.ready(), far.ready()]);
});

afterAll(async () => {
  await Promise.all([near.close(), far.close()]);
  await Promise.all([ledgerLink.close(), counterLink.close()]);
  await Promise.all([redis.release(), postgres.release()]);
});

const post = (app: TestApp, url: string, body: object, key: string): Promise<TestReply> =>
  app.call('POST', url, body, { authorization: `Bearer ${adminToken}`, 'idempotency-key': key });

const LOST: readonly (readonly [string, () => ReplyProxy, string, number])[] = [
  ['COMMIT, once', () => ledgerLink, 'COMMIT', 1],
  ['COMMIT, twice', () => ledgerLink, 'COMMIT', 2],
  ['COMMIT, until the caller is refused', () => ledgerLink, 'COMMIT', Number.POSITIVE_INFINITY],
  ['PostgreSQL altogether, until the caller is refused', () => ledgerLink, '', Number.POSITIVE_INFINITY],
  ['Redis: claim and marks', () => counterLink, '', 2],
];
const USES = [
  ['numbers', '/api/numbers', { count: 2 }],
  ['a reservation', '/api/reservations', {}],
] as const;
const CASES = USES.flatMap(([what, url, body]) =>
  LOST.map(([which, link, text, times]) => ({ what, url, body, which, link, text, times })),
);

describe('one Idempotency-Key of a gapless prefix, while replies are lost', () => {
  test.each(CASES)('200 or 503, and ever the same $what under it: lost is $which', async ({ url, body, ...lost }) => {
    keys += 1;
    const [prefixKey, key] = [`LOST${keys}`, `lost-${keys}`];
    const config = { format: `L${keys}-{SEQ:4}`, strategy: 'gapless' };
    // On a busy machine what the last case has cut off may not be back yet.
    const register = async () => (await near.call('PUT', `/api/prefix-configs/${prefixKey}`, config)).status;
    await expect.poll(register, { timeout: 15_000 }).toBeOneOf([200, 409]);
    await near.call('GET', `/api/numbers/${prefixKey}`);
    const ask = (app: TestApp): Promise<TestReply> => post(app, url, { prefixKey, ...body }, key);

    const link = lost.link();
    const before = link.lost();
    let answered = false;
    link.replies('cut', lost.text);
    const asked = ask(near).finally(() => {
      answered = true;
    });
    await expect
      .poll(() => answered || link.lost() - before >= lost.times, { timeout: 15_000, interval: 1 })
      .toBe(true);
    link.replies('passed');
    const first = await asked;
    const replies = await Promise.all([ask(far), ask(near), ask(far), ask(near)]);
    // What was cut off comes back by itself.
    await expect.poll(async () => (await ask(near)).status, { timeout: 15_000 }).toBeLessThan(300);
    const all = [first, ...replies, await ask(near), await ask(far)];

    for (const reply of all) expect([200, 201, 503]).toContain(reply.status);
    const taken = all.filter(({ status }) => status < 300).map(({ json }) => JSON.stringify(json.numbers ?? json.id));
    expect(new Set(taken).size).toBe(1);
    expect(link.lost()).toBeGreaterThan(before);

    // Nothing else was taken, or it comes again: the next number follows.
    const next = async () => Number((await far.call('GET', `/api/numbers/${prefixKey}`)).json.number.slice(-4));
    await expect.poll(next, { timeout: 15_000 }).toBeGreaterThan(0);
    const { runs } = (await far.call('GET', `/api/sequences/${prefixKey}/report`)).json;
    const count = 'count' in body ? body.count : 1;
    const last = Math.max(...runs.map((run: { last: string }) => Number(run.last)));
    expect(last).toBe(1 + count + 1);
  });
});
