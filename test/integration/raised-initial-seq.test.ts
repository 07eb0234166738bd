/** A raised initialSeq: nothing at or below it is issued, from no source, and the report says what became of the values between. */
import { afterEach, describe, expect, test } from 'vitest';
import { adminToken, startApp, type TestApp, type TestReply } from '../support/app.ts';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

const apps: TestApp[] = [];
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.close()));
  await Promise.all(ends.splice(0).map((end) => end()));
});

const STORES = ['sqlite', 'redis', 'redis and postgres'] as const;

const settingsOf = async (store: (typeof STORES)[number]): Promise<Record<string, string>> => {
  if (store === 'sqlite') return {};
  const redis = await leaseRedisDatabase();
  ends.push(() => redis.release());
  if (store === 'redis') return { REDIS_URL: redis.url };
  const postgres = await leasePostgresDatabase();
  ends.push(() => postgres.release());
  return { REDIS_URL: redis.url, DATABASE_URL: postgres.url };
};

const startNodes = async (store: (typeof STORES)[number], count: number): Promise<readonly [TestApp, ...TestApp[]]> => {
  const env = await settingsOf(store);
  const nodes: TestApp[] = [];
  for (let index = 0; index < count; index += 1) {
    const app = await startApp({ ...env, STANDBY_SIZE: '1000' });
    apps.push(app);
    await app.ready();
    nodes.push(app);
  }
  return nodes as [TestApp, ...TestApp[]];
};

const configure = async (app: TestApp, config: object): Promise<void> => {
  const path = '/api/prefix-configs/I';
  const current = await app.call('GET', path);
  const headers = { authorization: `Bearer ${adminToken}`, ...(current.status === 200 && { 'if-match': '*' }) };
  const { status, text } = await app.call('PUT', path, { format: 'I{SEQ:8}', ...config }, headers);
  expect({ status, text }).toMatchObject({ status: 200 });
};
const ask = (app: TestApp, count = 1): Promise<TestReply> => app.call('GET', `/api/numbers/I?count=${count}`);
const valuesOf = ({ status, json, text }: TestReply): number[] => {
  expect({ status, text }).toMatchObject({ status: 200 });
  return (json.numbers ?? [json.number]).map((number: string) => Number(number.slice(1)));
};
const runsOf = async (app: TestApp): Promise<TestReply['json'][]> =>
  (await app.call('GET', '/api/sequences/I/report')).json.runs;

describe.each(STORES)('on %s', (store) => {
  test.each(['counter', 'segment'])(
    'a %s whose initialSeq is raised far past the ceiling issues nothing at or below it',
    async (strategy) => {
      const [app] = await startNodes(store, 1);
      await configure(app, { strategy });
      for (let index = 0; index < 5; index += 1) valuesOf(await ask(app));
      for (const initialSeq of [20_000, 100_000, 5_000_000]) {
        const earlier = Array.from({ length: 20 }, () => ask(app, 3));
        await configure(app, { strategy, initialSeq });
        const asked = await Promise.all(Array.from({ length: 250 }, () => ask(app)));
        const values = asked.flatMap(valuesOf);
        expect(values.filter((value) => value <= initialSeq)).toEqual([]);
        expect(new Set(values).size).toBe(250);
        await Promise.all(earlier);
      }
    },
  );

  test('the report after a raise is contiguous, and calls what nobody took advanced', async () => {
    const [app] = await startNodes(store, 1);
    await configure(app, {});
    const first = (await Promise.all(Array.from({ length: 7 }, () => ask(app)))).flatMap(valuesOf);
    await configure(app, { initialSeq: 30_000 });
    const then = (await Promise.all(Array.from({ length: 9 }, () => ask(app)))).flatMap(valuesOf);
    // What the node still held is given back by its next call.
    await ask(app);
    const runs = await runsOf(app);
    // Where counting began is told by another test (A4): on any store the report is one run from its first value on.
    let last = Number(runs[0].first) - 1;
    for (const run of runs) {
      expect(Number(run.first)).toBe(last + 1);
      last = Number(run.last);
    }
    for (const value of [...first, ...then].filter((one) => one >= Number(runs[0].first))) {
      const run = runs.find((one) => Number(one.first) <= value && value <= Number(one.last));
      expect(run).toMatchObject({ state: 'issued' });
    }
    const below = runs.filter((run) => Number(run.last) <= 30_000 && run.state !== 'issued');
    expect(new Set(below.map(({ state, reason }) => `${state} ${reason}`))).toEqual(new Set(['gap advance']));
  });
});

test.each(['redis', 'redis and postgres'] as const)(
  'on %s, three nodes: who knows of the raise issues nothing at or below it, and within 5 s all do',
  async (store) => {
    const nodes = await startNodes(store, 3);
    await configure(nodes[0], {});
    for (const app of nodes) for (let index = 0; index < 3; index += 1) valuesOf(await ask(app));
    await configure(nodes[0], { initialSeq: 40_000 });
    const values = (await Promise.all(Array.from({ length: 250 }, () => ask(nodes[0])))).flatMap(valuesOf);
    expect(Math.min(...values)).toBeGreaterThan(40_000);
    // The counter has passed it: also from nodes that have not heard of it yet nothing below can come, while Redis answers.
    for (const app of nodes) {
      const more = (await Promise.all(Array.from({ length: 50 }, () => ask(app)))).flatMap(valuesOf);
      expect(Math.min(...more)).toBeGreaterThan(40_000);
      values.push(...more);
    }
    expect(new Set(values).size).toBe(values.length);
  },
);
