/** The repair moves forward what is behind, says what it would do first, and never moves anything back. */
import { describe, expect, test } from 'vitest';
import type { CeilingRepair, ServedSequence } from '../../../../src/core/ceiling/ceiling-repair.ts';
import type { Ceiling } from '../../../../src/core/ceiling/ceiling-store.ts';
import type { StoredConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import type { PrefixConfigCopy } from '../../../../src/core/prefix-config/prefix-config-copy.ts';
import type { PrefixHistory } from '../../../../src/core/prefix-config/prefix-history.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createRepairService } from '../../../../src/services/repair/repair-service.ts';
import { createMemoryPrefixConfigStore } from '../../../../src/stores/memory/memory-prefix-config-store.ts';
import { configOf } from '../../fakes/config-of.ts';

const FORMAT = { format: '{SEQ:4}' };

const served = (prefixKey: string, epoch: bigint, ceiling: bigint, period = ''): ServedSequence => ({
  sequence: sequenceOf(seriesOf(prefixKey), period),
  server: 'run',
  epoch,
  ceiling,
  value: 7n,
});

const setUp = (list: readonly ServedSequence[], stored: Readonly<Record<string, Ceiling>> = {}) => {
  const ceilings = new Map(Object.entries(stored));
  const moved: ServedSequence[] = [];
  const repair: CeilingRepair = {
    read: async ({ series, period }) => ceilings.get(`${series.prefixKey}${period}`),
    moveForward: async (found) => {
      moved.push(found);
      return { epoch: found.epoch, ceiling: found.ceiling };
    },
  };
  const live = createMemoryPrefixConfigStore();
  const kept = new Map<string, StoredConfig>();
  const histories = new Map<string, PrefixHistory>();
  const copy: PrefixConfigCopy = {
    find: async (prefixKeys) =>
      prefixKeys.map((prefixKey) => ({ stored: kept.get(prefixKey), history: histories.get(prefixKey) })),
    list: async () => [],
    keys: async () => [],
    write: (work) =>
      work({
        find: async () => [],
        put: async (prefixKey, { stored, history }) => {
          if (stored === undefined) kept.delete(prefixKey);
          else kept.set(prefixKey, stored);
          if (history !== undefined) histories.set(prefixKey, history);
        },
      }),
  };
  const listed = async function* (): AsyncGenerator<ServedSequence> {
    yield* list;
  };
  // The ledger has a test of its own, on real stores: test/integration/gapless-restore.test.ts.
  const knownMarks = { list: async function* (): AsyncGenerator<never> {} };
  const storedMarks = { read: async () => [], lift: async () => false };
  const service = createRepairService({
    ...{ served: { list: listed }, ceilings: repair, live, copy },
    ...{ knownMarks, storedMarks },
  });
  const run = async (change: boolean) => {
    const lines: string[] = [];
    const summary = await service.run(change, (line) => lines.push(line));
    return { summary, lines };
  };
  return { run, moved, live, kept };
};

describe('a sequence', () => {
  test.each<[string, Ceiling | undefined, boolean]>([
    ['is not there', undefined, true],
    ['is an epoch behind, however high its ceiling', { epoch: 2n, ceiling: 99_999n }, true],
    ['has a lower ceiling in the same epoch', { epoch: 3n, ceiling: 999n }, true],
    ['is the same', { epoch: 3n, ceiling: 1_000n }, false],
    ['has a higher ceiling', { epoch: 3n, ceiling: 1_001n }, false],
    ['is an epoch ahead, however low its ceiling', { epoch: 4n, ceiling: 1n }, false],
  ])('that %s is moved forward only when it is behind', async (_title, stored, behind) => {
    const { run, moved } = setUp([served('INV', 3n, 1_000n)], stored && { INV: stored });
    const { summary } = await run(true);
    expect(moved).toHaveLength(behind ? 1 : 0);
    expect(summary).toMatchObject({ sequences: 1, sequencesBehind: behind ? 1 : 0 });
  });

  test('is only named when nothing may be changed', async () => {
    const { run, moved } = setUp([served('INV', 3n, 1_000n, '2026')]);
    const { summary, lines } = await run(false);
    expect(moved).toEqual([]);
    expect(summary.sequencesBehind).toBe(1);
    expect(lines).toEqual(['INV 2026: PostgreSQL nothing; Redis epoch 3, ceiling 1000: behind']);
  });

  test('that is listed twice is looked at once; its periods are sequences of their own', async () => {
    const { run, moved } = setUp([served('INV', 3n, 1n), served('INV', 3n, 1n), served('INV', 3n, 1n, '2026')]);
    expect((await run(true)).summary.sequences).toBe(2);
    expect(moved).toHaveLength(2);
  });

  test('in order is said to be', async () => {
    const { run } = setUp([served('INV', 3n, 5n)], { INV: { epoch: 3n, ceiling: 5n } });
    expect((await run(true)).lines).toEqual(['INV: PostgreSQL epoch 3, ceiling 5; Redis epoch 3, ceiling 5: in order']);
  });
});

describe('a prefix config', () => {
  test('that is missing or older in the copy is copied; one that is the same, newer or unreadable is left alone', async () => {
    const { run, live, kept } = setUp([]);
    for (const [prefixKey, version] of Object.entries({ A: 1, B: 3, C: 3, D: 3 })) {
      await live.insert(configOf(prefixKey, FORMAT, version));
    }
    live.preload('E', '{');
    for (const [prefixKey, version] of Object.entries({ B: 2, C: 3, D: 4 })) {
      kept.set(prefixKey, { kind: 'config', config: configOf(prefixKey, FORMAT, version) });
    }
    const first = await run(false);
    expect(first.summary.configsBehind).toBe(2);
    expect(kept.size).toBe(3);
    const { summary, lines } = await run(true);
    expect(summary.configsBehind).toBe(2);
    expect(lines).toEqual([
      'prefix config A: PostgreSQL nothing; Redis version 1: copied',
      'prefix config B: PostgreSQL version 2; Redis version 3: copied',
    ]);
    expect([...kept.keys()].toSorted()).toEqual(['A', 'B', 'C', 'D']);
    expect(kept.get('D')).toMatchObject({ config: { version: 4 } });
    expect((await run(true)).summary.configsBehind).toBe(0);
  });

  test('beyond the first page is found too', async () => {
    const { run, live, kept } = setUp([]);
    for (let index = 0; index < 1_001; index += 1) await live.insert(configOf(`P${index}`, FORMAT));
    expect((await run(true)).summary.configsBehind).toBe(1_001);
    expect(kept.size).toBe(1_001);
  });
});
