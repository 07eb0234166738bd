/** A node is ready when a strategy in use can issue: by what it holds, or with the stores that the strategy needs. */
import { describe, expect, test } from 'vitest';
import { createIssuingCheck, type StoreChecks } from '../../../../src/allocators/node/issuing-check.ts';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import { STRATEGIES, type Strategy } from '../../../../src/core/prefix-config/numbering.ts';

const up = async (): Promise<void> => undefined;
const awayOf = (name: string) => async (): Promise<void> => {
  throw new StorageUnavailableError(`${name} is away.`);
};
const REDIS_AWAY = awayOf('Redis');
const POSTGRES_AWAY = awayOf('PostgreSQL');

interface Node {
  readonly standby?: boolean;
  readonly registered?: boolean;
  readonly room?: boolean;
  readonly leased?: boolean;
  readonly worker?: boolean;
  readonly ledger?: boolean;
}

/** @returns what keeps it from issuing; undefined when nothing does. */
const reasonFor = (
  inUse: readonly Strategy[],
  node: Node,
  stores: Partial<StoreChecks> = {},
): Promise<string | undefined> => {
  const check = createIssuingCheck({
    counter: {
      hasStandby: () => node.standby === true,
      isRegistered: () => node.registered !== false,
      hasRoom: () => node.room !== false,
    },
    hasLeased: () => node.leased === true,
    hasWorker: () => node.worker === true,
    hasLedger: node.ledger !== false,
    strategiesInUse: () => new Set(inUse),
  });
  return check({ store: up, durable: up, ...stores }).then(
    () => undefined,
    ({ message }: Error) => message,
  );
};

describe('a node issues', () => {
  test.each<[string, Strategy, Node]>([
    ['counters from its standby', 'counter', { standby: true }],
    ['from a range it has leased', 'segment', { leased: true }],
    ['snowflake ids under the worker id it holds', 'snowflake', { worker: true }],
    ['UUIDs by itself', 'uuidv7', {}],
  ])('%s, whatever is away', async (_what, strategy, node) => {
    expect(await reasonFor([strategy], node, { store: REDIS_AWAY, durable: POSTGRES_AWAY })).toBeUndefined();
  });

  test.each<[string, Strategy]>([
    ['counters', 'counter'],
    ['segments', 'segment'],
  ])('%s up to the confirmed ceilings while PostgreSQL is away', async (_what, strategy) => {
    const durable = POSTGRES_AWAY;
    expect(await reasonFor([strategy], {}, { durable })).toBeUndefined();
    expect(await reasonFor([strategy], { room: false }, { durable })).toBe('PostgreSQL is away.');
    expect(await reasonFor([strategy], { registered: false }, { durable })).toBe('PostgreSQL is away.');
    expect(await reasonFor([strategy], { registered: false, room: false })).toBeUndefined();
  });

  test.each<[string, Strategy]>([
    ['counters', 'counter'],
    ['segments', 'segment'],
  ])('no %s without Redis once it holds nothing', async (_what, strategy) => {
    expect(await reasonFor([strategy], {}, { store: REDIS_AWAY })).toBe('Redis is away.');
  });

  test('gapless numbers and the first snowflake ids with PostgreSQL alone', async () => {
    for (const strategy of ['gapless', 'snowflake'] as const) {
      expect(await reasonFor([strategy], {}, { store: REDIS_AWAY })).toBeUndefined();
      expect(await reasonFor([strategy], { standby: true }, { durable: POSTGRES_AWAY })).toBe('PostgreSQL is away.');
    }
  });

  test('everything from the one store where there is no other', async () => {
    for (const strategy of STRATEGIES) {
      expect(await reasonFor([strategy], { room: false }, { durable: undefined })).toBeUndefined();
      const reason = await reasonFor([strategy], {}, { store: REDIS_AWAY, durable: undefined });
      expect([strategy, reason]).toEqual([strategy, strategy === 'uuidv7' ? undefined : 'Redis is away.']);
    }
  });

  test('nothing gapless where no ledger is served', async () => {
    expect(await reasonFor(['gapless'], { ledger: false })).toContain('ledger');
  });

  test('when one of the strategies in use can, and is asked for counters before any is known', async () => {
    const away = { store: REDIS_AWAY, durable: POSTGRES_AWAY };
    expect(await reasonFor(['counter', 'gapless', 'uuidv7'], {}, away)).toBeUndefined();
    expect(await reasonFor(['counter', 'gapless'], {}, away)).toBe('Redis is away.');
    expect(await reasonFor([], {}, away)).toBe('Redis is away.');
    expect(await reasonFor([], {}, { durable: POSTGRES_AWAY })).toBeUndefined();
  });
});
