/** Two stores of prefix configs are brought together, whichever lost something: in pages, again until it worked, one question at a time. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { PrefixConfig, StoredConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import type {
  PrefixConfigCopy,
  PrefixConfigCopyWriter,
} from '../../../../src/core/prefix-config/prefix-config-copy.ts';
import type { PrefixHistory } from '../../../../src/core/prefix-config/prefix-history.ts';
import { createConfigReconciler } from '../../../../src/services/prefix-configs/config-reconciler.ts';
import { createMirroredPrefixConfigStore } from '../../../../src/services/prefix-configs/mirrored-prefix-config-store.ts';
import { configOf } from '../../fakes/config-of.ts';
import { createSwitchablePrefixConfigStore } from '../../fakes/switchable-prefix-config-store.ts';

const AWAY = new StorageUnavailableError('PostgreSQL away');
const FORMAT = { format: '{SEQ:4}' };

/** A copy in memory that can be away. */
const createCopy = () => {
  const entries = new Map<string, StoredConfig>();
  const histories = new Map<string, PrefixHistory>();
  const asked: (readonly string[])[] = [];
  const state = { failure: undefined as Error | undefined, gate: undefined as Promise<void> | undefined, writes: 0 };
  const answer = async <Result>(result: () => Result): Promise<Result> => {
    await state.gate;
    if (state.failure !== undefined) throw state.failure;
    return result();
  };
  const findAll = (prefixKeys: readonly string[]) =>
    prefixKeys.map((key) => ({ stored: entries.get(key), history: histories.get(key) }));
  const writer: PrefixConfigCopyWriter = {
    find: async (prefixKeys) => findAll(prefixKeys),
    put: async (prefixKey, { stored, history }) => {
      if (stored?.kind === 'config') entries.set(prefixKey, stored);
      else if (stored === undefined) entries.delete(prefixKey);
      if (history !== undefined) histories.set(prefixKey, history);
    },
  };
  const copy: PrefixConfigCopy = {
    find: (prefixKeys) => {
      asked.push(prefixKeys);
      return answer(() => findAll(prefixKeys));
    },
    list: (after, limit) =>
      answer(() =>
        [...entries]
          .filter(([prefixKey]) => prefixKey > after)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .slice(0, limit)
          .map(([prefixKey, stored]) => ({ prefixKey, stored })),
      ),
    keys: (after, limit) =>
      answer(() =>
        [...new Set([...entries.keys(), ...histories.keys()])]
          .filter((prefixKey) => prefixKey > after)
          .sort()
          .slice(0, limit),
      ),
    write: async (work) => {
      state.writes += 1;
      await answer(() => undefined);
      return work(writer);
    },
  };
  return { copy, entries, histories, asked, state };
};

const setUp = () => {
  const { copy, entries, histories, asked, state } = createCopy();
  const live = createSwitchablePrefixConfigStore();
  const events: NumberGeneratorEvent[] = [];
  const healer = createConfigReconciler(live, copy, (event) => events.push(event));
  const keep = (config: PrefixConfig): void => {
    entries.set(config.prefixKey, { kind: 'config', config });
  };
  const versionsOf = async (...prefixKeys: string[]) =>
    (await live.find(prefixKeys)).map((stored) => (stored?.kind === 'config' ? stored.config.version : undefined));
  return { copy, entries, histories, asked, state, live, events, healer, keep, versionsOf };
};

const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('looking through everything', () => {
  test('puts back what the live store lost, page by page, and copies what only it has', async () => {
    const { healer, keep, live, entries, events, versionsOf } = setUp();
    for (let index = 0; index < 450; index += 1) keep(configOf(`LOST${index}`, FORMAT));
    await live.insert(configOf('NEW', FORMAT));
    healer.lookThrough();
    expect(healer.isThrough()).toBe(false);
    await settle();
    expect(healer.isThrough()).toBe(true);
    expect(await versionsOf('LOST0', 'LOST449')).toEqual([1, 1]);
    expect(await live.list('', 1_000)).toHaveLength(451);
    expect(entries.get('NEW')).toMatchObject({ kind: 'config', config: { version: 1 } });
    const healed = events.flatMap((event) => (event.type === 'prefix-configs-healed' ? [event] : []));
    expect(healed.reduce((sum, event) => sum + event.healed, 0)).toBe(450);
    expect(healed.reduce((sum, event) => sum + event.copied, 0)).toBe(1);
  });

  test('writes nothing, and takes no lock, when both agree', async () => {
    const { healer, keep, live, events, state } = setUp();
    const config = configOf('INV', FORMAT);
    keep(config);
    await live.insert(config);
    healer.lookThrough();
    await settle();
    expect(healer.isThrough()).toBe(true);
    expect([events, state.writes]).toEqual([[], 0]);
    expect(healer.known('INV')).toEqual({ version: 1, removed: 0 });
  });

  test('is told of when it fails, and tried again until it worked once', async () => {
    const { healer, keep, events, state, versionsOf } = setUp();
    keep(configOf('INV', FORMAT));
    state.failure = AWAY;
    healer.lookThrough();
    await settle(2_500);
    expect(events).toEqual(Array.from({ length: 3 }, () => ({ type: 'prefix-configs-healing-failed', error: AWAY })));
    expect(healer.isThrough()).toBe(false);
    state.failure = undefined;
    await settle(1_000);
    expect(healer.isThrough()).toBe(true);
    expect(await versionsOf('INV')).toEqual([1]);
    await settle(60_000);
    expect(events).toHaveLength(4);
  });

  test('begins anew when it was asked for while it was under way', async () => {
    const { healer, keep, state, versionsOf } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.gate = promise;
    healer.lookThrough();
    await settle();
    healer.lookThrough();
    keep(configOf('INV', FORMAT));
    resolve();
    await settle();
    expect(healer.isThrough()).toBe(true);
    expect(await versionsOf('INV')).toEqual([1]);
  });

  test('ends with close: what failed is not tried again', async () => {
    const { healer, events, state } = setUp();
    state.failure = AWAY;
    healer.lookThrough();
    await settle();
    await healer.close();
    healer.lookThrough();
    await settle(10_000);
    expect(events).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('of two entries that differ', () => {
  test.each([
    ['the copy, when it is newer', 5, 3, 5],
    ['the copy, when both have the same version', 4, 4, 4],
    ['the live one, when that is newer', 3, 5, 5],
  ])('the one that holds is %s', async (_title, kept, inLive, expected) => {
    const { healer, keep, live, entries, versionsOf } = setUp();
    keep(configOf('INV', { format: 'K{SEQ:4}' }, kept));
    await live.insert(configOf('INV', { format: 'L{SEQ:4}' }, inLive));
    await healer.healTogether(['INV']);
    expect(await versionsOf('INV')).toEqual([expected]);
    const [stored] = await live.find(['INV']);
    expect(stored).toEqual(entries.get('INV'));
    expect(stored).toMatchObject({ config: { format: kept >= inLive ? 'K{SEQ:4}' : 'L{SEQ:4}' } });
    expect(healer.known('INV')).toEqual({ version: expected, removed: 0 });
  });

  const removed = (version: number): PrefixHistory => ({ removed: version, former: [] });

  test('a removal holds against every version up to the one it removed, in whichever store it is', async () => {
    const { healer, keep, live, entries, histories, versionsOf } = setUp();
    await live.insert(configOf('BACK', FORMAT, 4));
    histories.set('BACK', removed(4));
    keep(configOf('GONE', FORMAT, 4));
    await live.change('GONE', () => ({ outcome: undefined, entry: { stored: undefined, history: removed(4) } }));
    expect(await healer.healTogether(['BACK', 'GONE'])).toEqual([undefined, undefined]);
    expect(await versionsOf('BACK', 'GONE')).toEqual([undefined, undefined]);
    expect(entries.has('GONE')).toBe(false);
    expect(await live.histories(['BACK', 'GONE'])).toEqual([removed(4), removed(4)]);
    expect([histories.get('BACK'), histories.get('GONE')]).toEqual([removed(4), removed(4)]);
  });

  test('what was registered after a removal holds against all before it, also with a lower version', async () => {
    const { healer, keep, live, histories, versionsOf } = setUp();
    await live.insert(configOf('INV', { format: 'OLD{SEQ:4}' }, 9));
    keep(configOf('INV', { format: 'NEW{SEQ:4}' }, 1));
    histories.set('INV', removed(4));
    await healer.healTogether(['INV']);
    expect(await versionsOf('INV')).toEqual([1]);
  });

  test('a prefix that an operator preloads after its removal stays registered', async () => {
    const { healer, live, entries, histories, versionsOf } = setUp();
    histories.set('INV', removed(4));
    await live.change('INV', () => ({ outcome: undefined, entry: { stored: undefined, history: removed(4) } }));
    live.preload('INV', '{"format":"{SEQ:4}"}');
    await healer.healTogether(['INV']);
    expect(await versionsOf('INV')).toEqual([1]);
    expect(entries.get('INV')).toMatchObject({ config: { version: 1 } });
  });

  test('neither loses what only the other knows of earlier times', async () => {
    const { healer, keep, live, histories } = setUp();
    const former = (format: string) => ({
      format,
      strategy: 'counter' as const,
      reset: 'never' as const,
      timeZone: 'UTC',
      fiscalYearStart: '01-01',
      overflow: 'extend' as const,
    });
    keep(configOf('INV', FORMAT, 2));
    histories.set('INV', { removed: 0, former: [former('A{SEQ:4}')] });
    await live.insert(configOf('INV', FORMAT, 7));
    await healer.healTogether(['INV']);
    expect(histories.get('INV')?.former).toEqual([former('A{SEQ:4}')]);
    expect((await live.histories(['INV']))[0]?.former).toEqual([former('A{SEQ:4}')]);
  });

  test('an unreadable live one gives way to the copy', async () => {
    const { healer, keep, live, versionsOf } = setUp();
    keep(configOf('INV', FORMAT, 2));
    live.preload('INV', '{');
    expect(await healer.healTogether(['INV'])).toMatchObject([{ kind: 'config', config: { version: 2 } }]);
    expect(await versionsOf('INV')).toEqual([2]);
  });

  test('none holds when neither can be read: that is left to the operator', async () => {
    const { healer, live, entries, events, state } = setUp();
    live.preload('INV', '{');
    entries.set('INV', { kind: 'corrupt', reason: 'Not valid JSON' });
    expect(await healer.healTogether(['INV'])).toMatchObject([{ kind: 'corrupt' }]);
    expect([events, state.writes]).toEqual([[], 0]);
  });
});

describe('those who ask at the same time', () => {
  test('share one question to the copy, and the next one leaves when that is answered', async () => {
    const { healer, asked, state } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    state.gate = promise;
    const first = healer.healTogether(['A']);
    await settle();
    const others = Array.from({ length: 500 }, (_, index) => healer.healTogether([`P${index % 100}`]));
    await settle();
    expect(asked).toEqual([['A']]);
    resolve();
    await Promise.all([first, ...others]);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toHaveLength(100);
  });

  test('are all told when it failed, and those who come later are not', async () => {
    const { healer, state } = setUp();
    state.failure = AWAY;
    const all = await Promise.allSettled([healer.healTogether(['A']), healer.healTogether(['B'])]);
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    state.failure = undefined;
    expect(await healer.healTogether(['A'])).toEqual([undefined]);
  });
});

describe('entries that were met on the way', () => {
  test('are compared in the background', async () => {
    const { healer, live, entries } = setUp();
    await live.insert(configOf('INV', FORMAT));
    healer.compareLater(['INV']);
    await settle();
    expect(entries.has('INV')).toBe(true);
    expect(healer.known('INV')).toEqual({ version: 1, removed: 0 });
  });

  test('tell listeners when the live store was changed', async () => {
    const { healer, keep } = setUp();
    const told: string[] = [];
    healer.onHealed(() => told.push('healed'));
    keep(configOf('INV', FORMAT));
    healer.compareLater(['INV']);
    await settle();
    expect(told).toEqual(['healed']);
  });
});

const mirrored = () => {
  const parts = setUp();
  const store = createMirroredPrefixConfigStore(parts.live, parts.copy, (event) => parts.events.push(event));
  return { ...parts, store };
};

describe('a registered prefix in a live store that is emptied', () => {
  test('is found, though another node has put it back between the look at the live store and that at the copy', async () => {
    const { store, live, keep, state } = mirrored();
    const config = configOf('INV', FORMAT);
    keep(config);
    const { promise, resolve } = Promise.withResolvers<void>();
    state.gate = promise;
    const found = store.find(['INV']);
    await settle();
    await live.insert(config);
    resolve();
    expect(await found).toEqual([{ kind: 'config', config }]);
    await store.close();
  });

  test('is found, though the live store loses it again as soon as it was put back', async () => {
    const { store, live, keep } = mirrored();
    const config = configOf('INV', FORMAT);
    keep(config);
    const { change } = live;
    live.change = async (prefixKey, rule) => {
      const changed = await change(prefixKey, rule);
      live.lose(prefixKey);
      return changed;
    };
    expect(await store.find(['INV'])).toEqual([{ kind: 'config', config }]);
    await store.close();
  });

  test('is listed, and what only the live store has is listed beside it', async () => {
    const { store, live, keep } = mirrored();
    for (const key of ['A', 'C', 'E']) keep(configOf(key, FORMAT));
    await live.insert(configOf('B', FORMAT));
    const keysOf = async (after: string, limit: number) =>
      (await store.list(after, limit)).map(({ prefixKey }) => prefixKey);
    expect([await keysOf('', 2), await keysOf('B', 2), await keysOf('E', 2)]).toEqual([['A', 'B'], ['C', 'E'], []]);
    await store.close();
  });

  test('is not registered anew over what the copy keeps, and can be changed, though the live store loses it again', async () => {
    const { store, live, keep, entries } = mirrored();
    keep(configOf('INV', FORMAT, 7));
    const { find } = live;
    let losses = 1;
    // After each look of the healing at the live store it is empty once more.
    live.find = async (prefixKeys) => {
      const found = await find(prefixKeys);
      if (losses > 0) for (const prefixKey of prefixKeys) live.lose(prefixKey);
      losses -= 1;
      return found;
    };
    await live.insert(configOf('INV', FORMAT, 7));
    expect(await store.insert(configOf('INV', { format: 'NEW-{SEQ:4}' }))).toBe(false);
    expect(entries.get('INV')).toMatchObject({ config: { version: 7 } });
    losses = 1;
    await live.insert(configOf('INV', FORMAT, 7));
    const change = { kind: 'replaced', config: { version: 8 } };
    expect(await store.replace(configOf('INV', { format: 'B-{SEQ:4}' }), 7)).toMatchObject(change);
    expect(entries.get('INV')).toMatchObject({ config: { version: 8 } });
    await store.close();
  });

  test('is not missing from the list without an error while the copy is away', async () => {
    const { store, live, keep, state } = mirrored();
    keep(configOf('INV', FORMAT));
    live.announce(undefined);
    await settle();
    state.failure = AWAY;
    expect(await store.list('', 10)).toHaveLength(1);
    live.lose('INV');
    await expect(store.list('', 10)).rejects.toBe(AWAY);
    await expect(store.find(['INV'])).rejects.toBe(AWAY);
    await store.close();
  });

  test('that a later version has written is not overwritten by what the live store has kept of it', async () => {
    const { store, live, entries } = mirrored();
    const later = { kind: 'corrupt', reason: 'strategy: tickets', version: 5 } as const;
    entries.set('INV', later);
    await live.insert(configOf('INV', FORMAT, 4));
    expect(await store.find(['INV'])).toMatchObject([{ config: { version: 4 } }]);
    await settle();
    expect(entries.get('INV')).toBe(later);
    await store.close();
  });
});

describe('reading through the mirrored store while the copy is away', () => {
  test('what the live store has is served', async () => {
    const { store, live, state } = mirrored();
    await live.insert(configOf('INV', FORMAT));
    state.failure = AWAY;
    expect(await store.find(['INV'])).toMatchObject([{ kind: 'config' }]);
    await store.close();
  });

  test('what it has not is refused, until both were compared as a whole', async () => {
    const { store, live, state } = mirrored();
    state.failure = AWAY;
    await expect(store.find(['INV'])).rejects.toBe(AWAY);
    state.failure = undefined;
    live.announce(undefined);
    await settle();
    expect(store.isHealed()).toBe(true);
    state.failure = AWAY;
    expect(await store.find(['INV'])).toEqual([undefined]);
    await store.close();
  });

  test('an error that is none of the store is passed on', async () => {
    const { store, state } = mirrored();
    state.failure = new TypeError('bug');
    await expect(store.find(['INV'])).rejects.toBe(state.failure);
    await store.close();
  });

  test('a change is refused, and neither store is changed', async () => {
    const { store, live, entries, state } = mirrored();
    state.failure = AWAY;
    await expect(store.insert(configOf('INV', FORMAT))).rejects.toBe(AWAY);
    expect(await live.find(['INV'])).toEqual([undefined]);
    expect(entries.size).toBe(0);
    await store.close();
  });
});
