/** Timing the stores: the port stays what it was, and each call leaves its duration, its failure and its size. */
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { CounterCall } from '../../../../src/core/counter/counter-call.ts';
import type { CounterStore } from '../../../../src/core/counter/counter-store.ts';
import { StorageTimeoutError, StorageUnavailableError, VersionConflictError } from '../../../../src/core/errors.ts';
import type { LedgerStore, LedgerTake } from '../../../../src/core/ledger/ledger-store.ts';
import { createStoreMetrics } from '../../../../src/telemetry/metrics/store-metrics.ts';

const setUp = () => {
  const registry = new Registry();
  const metrics = createStoreMetrics(registry);
  const samples = async (part: string): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => !line.startsWith('#') && line.includes(part));
  return { metrics, samples };
};

const DURATION = 'number_generator_store_call_duration_seconds_count';
const ERRORS = 'number_generator_store_call_errors_total';

test('a call is timed under the name of its port and its method, also one of a port within; what answers at once is not', async () => {
  const { metrics, samples } = setUp();
  const port = {
    source: 'redis',
    find: async (key: string) => `${key}!`,
    fence: { raise: async () => 7 },
    on: () => 3,
  };
  const timed = metrics.timed(port, 'redis', 'configs');
  expect([timed.source, await timed.find('a'), await timed.fence.raise(), timed.on()]).toEqual(['redis', 'a!', 7, 3]);
  await timed.find('b');
  expect(await samples(DURATION)).toEqual([
    `${DURATION}{store="redis",operation="configs.find"} 2`,
    `${DURATION}{store="redis",operation="configs.raise"} 1`,
  ]);
});

test('failures of the store are counted by reason; an answer that refuses is none', async () => {
  const { metrics, samples } = setUp();
  const errors = [new StorageTimeoutError('Late'), new StorageUnavailableError('Away'), new VersionConflictError('A')];
  const port = { find: async (index: number) => Promise.reject(errors[index]) };
  const timed = metrics.timed(port, 'postgres', 'configs');
  for (const [index, error] of [...errors.entries()]) await expect(timed.find(index)).rejects.toBe(error);
  expect(await samples(ERRORS)).toEqual([
    `${ERRORS}{store="postgres",operation="configs.find",reason="timeout"} 1`,
    `${ERRORS}{store="postgres",operation="configs.find",reason="unavailable"} 1`,
  ]);
  expect(await samples(DURATION)).toEqual([`${DURATION}{store="postgres",operation="configs.find"} 3`]);
});

test('nothing is shown of what was never called', async () => {
  const { metrics, samples } = setUp();
  metrics.timed({ find: async () => 1 }, 'redis', 'configs');
  expect(await samples('store_call')).toEqual([]);
});

test('the size of a trip is told in sequences and in values; one that only reports has none', async () => {
  const { metrics, samples } = setUp();
  const calls = (...counts: number[]) => counts.map((count) => ({ count }) as CounterCall);
  const takes = (...counts: number[]) => counts.map((count) => ({ count }) as LedgerTake);
  const counters = metrics.sized({ source: 'redis', reserve: async () => [] } as unknown as CounterStore);
  await counters.reserve(calls(1, 5));
  await counters.reserve(calls(0));
  await counters.reserve(calls(1_000));
  const ledger = metrics.sizedLedger({ source: 'postgres', take: async () => undefined } as unknown as LedgerStore);
  await ledger.take('op', takes(1, 1, 1));
  expect(await samples('_sum')).toEqual([
    'number_generator_batch_sequences_sum{store="redis"} 3',
    'number_generator_batch_sequences_sum{store="postgres"} 3',
    'number_generator_batch_values_sum{store="redis"} 1006',
    'number_generator_batch_values_sum{store="postgres"} 3',
  ]);
});
