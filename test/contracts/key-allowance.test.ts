/** How many idempotency keys a client may have of one prefix, on every store that keeps them, and however many nodes ask. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSettings } from '../../src/config/settings.ts';
import { ALLOWANCE_PERIOD_MS } from '../../src/core/allowance/allowances.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import type { ReceiptDraft } from '../../src/core/values/receipt.ts';
import { createMemoryCounterStore } from '../../src/stores/memory/memory-counter-store.ts';
import { createRedisClient } from '../../src/stores/redis/create-redis-client.ts';
import { createRedisCounterStore } from '../../src/stores/redis/redis-counter-store.ts';
import { createSqliteCounterStore } from '../../src/stores/sqlite/sqlite-counter-store.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';

type Claim = NonNullable<CounterStore['claim']>;

interface Opened {
  readonly claim: Claim;
  /** As another node has it. */
  readonly other: Claim;
  /** Whether what was claimed is known at once, without a receipt. */
  readonly remembers: boolean;
  close(): Promise<void>;
}

const claimOf = ({ claim }: CounterStore): Claim => {
  if (claim === undefined) throw new Error('The store claims no keys');
  return claim;
};

const onRedis = async (target: Parameters<typeof createRedisClient>[0], release: () => Promise<unknown>) => {
  const clients = [0, 1].map(() => createRedisClient(target, 5_000, () => undefined));
  // A cluster is known when each of its servers has answered.
  for (const { commands } of clients) {
    const asked = () => Promise.all(Array.from({ length: 50 }, (_, slot) => commands.get(`{${slot}}`)));
    while (
      !(await asked().then(
        () => true,
        () => false,
      ))
    )
      await setTimeout(20);
  }
  const [claim, other] = clients.map((client) => claimOf(createRedisCounterStore(client))) as [Claim, Claim];
  const close = async (): Promise<void> => {
    for (const client of clients) await client.close();
    await release();
  };
  return { claim, other, remembers: true, close };
};

const STORES: readonly (readonly [string, () => Promise<Opened>])[] = [
  [
    'memory',
    async () => {
      const claim = claimOf(createMemoryCounterStore());
      return { claim, other: claim, remembers: false, close: async () => undefined };
    },
  ],
  [
    'SQLite',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'key-allowance-'));
      const database = openSqliteDatabase(directory);
      const claim = claimOf(createSqliteCounterStore(database));
      const close = async (): Promise<void> => {
        database.close();
        rmSync(directory, { recursive: true });
      };
      return { claim, other: claim, remembers: false, close };
    },
  ],
  [
    'Redis',
    async () => {
      const database = await leaseRedisDatabase();
      return onRedis(database.url, database.release);
    },
  ],
  [
    'Redis Cluster',
    async () => {
      const cluster = await startRedisCluster();
      const target = readSettings(cluster.env).redis;
      if (target === undefined) throw new Error('No cluster in the settings');
      return onRedis(target, cluster.close);
    },
  ],
];

describe.each(STORES)('keys of one client on %s', (_name, open) => {
  let store: Opened;
  beforeAll(async () => {
    store = await open();
  }, 60_000);
  afterAll(() => store.close());

  let made = 0;
  const draft = (name: string, parts: Partial<ReceiptDraft> = {}): ReceiptDraft => ({
    hash: (++made).toString(16).padStart(64, '0'),
    fingerprint: 'f'.repeat(64),
    atMs: Date.now(),
    series: '{}',
    allowance: { name, max: 5 },
    ...parts,
  });

  test('are as many as it may have, also over several nodes and when all come at once; another client has its own', async () => {
    const claims = [store.claim, store.other];
    const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => (claims[at % 2] as Claim)(draft('a'))));
    expect(answers.filter((answer) => answer === true)).toHaveLength(5);
    const refused = answers.filter((answer) => typeof answer === 'object');
    expect(refused).toHaveLength(35);
    for (const { retryAfterMs } of refused) {
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(ALLOWANCE_PERIOD_MS / 5);
    }
    expect(await store.claim(draft('b'))).toBe(true);
  });

  test('without a bound are not counted', async () => {
    for (let key = 0; key < 20; key += 1) expect(await store.claim(draft('', { allowance: undefined }))).toBe(true);
  });

  test('that were claimed are its own afterwards too, and never another request’s', async () => {
    const claimed = Array.from({ length: 5 }, () => draft('c'));
    for (const one of claimed) expect(await store.claim(one)).toBe(true);
    expect(await store.claim(draft('c'))).toBeTypeOf('object');
    for (const one of claimed) {
      // Where a process counts its own, the receipt remembers: there is none here.
      expect(await store.other(one)).toEqual(store.remembers ? true : { retryAfterMs: expect.any(Number) });
      if (store.remembers) expect(await store.other({ ...one, fingerprint: 'e'.repeat(64) })).toBe(false);
    }
  });
});
