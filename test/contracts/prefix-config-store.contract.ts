/** The contract of every prefix config store: what `core/prefix-config/prefix-config-store.ts` promises, tried on the real thing. */
import { describe, expect, test } from 'vitest';
import type { PrefixConfig } from '../../src/core/prefix-config/prefix-config.ts';
import type { PrefixConfigStore } from '../../src/core/prefix-config/prefix-config-store.ts';

export interface PrefixConfigStoreUnderTest {
  readonly store: PrefixConfigStore;
  /** Writes an entry as an operator would, unchecked. */
  preload(prefixKey: string, json: string): Promise<void> | void;
}

let keys = 0;
const freshKey = (): string => {
  keys += 1;
  return `C${keys}`;
};

const configOf = (prefixKey: string, more: Partial<PrefixConfig> = {}): PrefixConfig => ({
  prefixKey,
  format: 'A-{year}-{SEQ:6}',
  seqLength: 6,
  initialSeq: 18_446_744_073_709_551_614n,
  strategy: 'counter',
  reset: 'never',
  timeZone: 'Europe/Berlin',
  fiscalYearStart: '04-01',
  overflow: 'extend',
  outage: 'standby',
  allowPast: false,
  version: 1,
  ...more,
});

export const describePrefixConfigStore = (title: string, get: () => PrefixConfigStoreUnderTest): void => {
  describe(`${title} keeps the contract of a prefix config store`, () => {
    test('gives back what was inserted, to the last digit', async () => {
      const config = configOf(freshKey());
      expect(await get().store.insert(config)).toBe(true);
      expect(await get().store.find([config.prefixKey])).toEqual([{ kind: 'config', config }]);
    });

    test('lets exactly one of 32 concurrent insertions of a key win', async () => {
      const prefixKey = freshKey();
      const tries = Array.from({ length: 32 }, (_, index) => configOf(prefixKey, { format: `A${index}-{SEQ:6}` }));
      const won = await Promise.all(tries.map((config) => get().store.insert(config)));
      expect(won.filter(Boolean)).toHaveLength(1);
      const winner = tries[won.indexOf(true)];
      expect(await get().store.find([prefixKey])).toEqual([{ kind: 'config', config: winner }]);
    });

    test('tells what was changed since a generation, and nothing of it when it is not known any more', async () => {
      const { store } = get();
      const { generation: begin } = await store.changesSince(undefined);
      const [one, other] = [configOf(freshKey()), configOf(freshKey())];
      await store.insert(one);
      const { generation } = await store.changesSince(undefined);
      await store.insert(other);
      await store.replace(other, 1);
      await store.remove(one.prefixKey);
      const last = await store.changesSince(generation);
      expect(new Set(last.prefixKeys)).toEqual(new Set([one.prefixKey, other.prefixKey]));
      expect(await store.changesSince(last.generation)).toEqual({ generation: last.generation, prefixKeys: [] });
      expect(new Set([begin, generation, last.generation]).size).toBe(3);
      expect((await store.changesSince('9999999999:none')).prefixKeys).toBeUndefined();
      for (let change = 0; change < 1_000; change += 1) await store.replace(other, 'any');
      expect((await store.changesSince(generation)).prefixKeys).toBeUndefined();
    });

    test('changes nothing by a generation that is no longer the present one', async () => {
      const { store } = get();
      const config = configOf(freshKey());
      const { generation } = await store.changesSince(undefined);
      expect(await store.insert(configOf(freshKey()), generation)).toBe(true);
      expect(await store.insert(config, generation)).toBe('stale');
      expect(await store.find([config.prefixKey])).toEqual([undefined]);
      await store.insert(config);
      expect(await store.replace(config, 1, undefined, generation)).toEqual({ kind: 'stale' });
      const present = (await store.changesSince(undefined)).generation;
      expect(await store.replace(config, 1, undefined, present)).toMatchObject({ kind: 'replaced' });
    });

    test('lets exactly one of 32 concurrent insertions by one generation win, whatever their keys', async () => {
      const { store } = get();
      const { generation } = await store.changesSince(undefined);
      const tries = Array.from({ length: 32 }, () => store.insert(configOf(freshKey()), generation));
      expect((await Promise.all(tries)).filter((won) => won === true)).toHaveLength(1);
    });

    test('looks many keys up at once and leaves unknown ones undefined', async () => {
      const [one, other] = [configOf(freshKey()), configOf(freshKey())];
      await get().store.insert(one);
      await get().store.insert(other);
      const found = await get().store.find([one.prefixKey, 'UNKNOWN', other.prefixKey, 'constructor']);
      expect(found.map((stored) => stored?.kind)).toEqual(['config', undefined, 'config', undefined]);
    });

    test('replaces the expected version, counts it up, and refuses every other', async () => {
      const config = configOf(freshKey());
      await get().store.insert(config);
      const change = { ...config, format: 'B-{SEQ:6}' };
      expect(await get().store.replace(change, 2)).toEqual({ kind: 'conflict' });
      const { format, reset, strategy } = config;
      expect(await get().store.replace(change, 1)).toEqual({
        kind: 'replaced',
        config: { ...change, version: 2, former: [{ format, reset, strategy }] },
      });
      expect(await get().store.replace(change, 1)).toEqual({ kind: 'conflict' });
      expect(await get().store.replace(change, 'any')).toMatchObject({ kind: 'replaced', config: { version: 3 } });
      expect(await get().store.replace(configOf('NOBODY'), 1)).toEqual({ kind: 'missing' });
      expect(await get().store.find(['NOBODY'])).toEqual([undefined]);
    });

    test('lets exactly one of 32 concurrent replacements of one version win', async () => {
      const config = configOf(freshKey());
      await get().store.insert(config);
      const outcomes = await Promise.all(Array.from({ length: 32 }, () => get().store.replace(config, 1)));
      expect(outcomes.filter(({ kind }) => kind === 'replaced')).toHaveLength(1);
      expect(outcomes.filter(({ kind }) => kind === 'conflict')).toHaveLength(31);
    });

    test('removes once', async () => {
      const config = configOf(freshKey());
      await get().store.insert(config);
      expect(await get().store.remove(config.prefixKey)).toBe(true);
      expect(await get().store.remove(config.prefixKey)).toBe(false);
      expect(await get().store.find([config.prefixKey])).toEqual([undefined]);
    });

    test('keeps what a prefix was when it is removed, and what it was before', async () => {
      const config = configOf(freshKey());
      const { prefixKey, format, reset, strategy, timeZone, fiscalYearStart, overflow } = config;
      const numbering = { format, reset, strategy, timeZone, fiscalYearStart, overflow };
      await get().store.insert(config);
      expect(await get().store.histories([prefixKey, 'UNKNOWN'])).toEqual([undefined, undefined]);
      await get().store.replace({ ...config, format: 'B-{SEQ:6}', timeZone: 'UTC' }, 1);
      expect(await get().store.histories([prefixKey])).toEqual([{ removed: 0, former: [numbering] }]);
      expect(await get().store.remove(prefixKey, 1)).toBe(false);
      expect(await get().store.remove(prefixKey, 2)).toBe(true);
      const later = { ...numbering, format: 'B-{SEQ:6}', timeZone: 'UTC' };
      expect(await get().store.histories([prefixKey])).toEqual([{ removed: 2, former: [numbering, later] }]);
      expect(await get().store.find([prefixKey])).toEqual([undefined]);
      expect(await get().store.list(`${prefixKey.slice(0, -1)}`, 1_000)).not.toContainEqual(
        expect.objectContaining({ prefixKey }),
      );
      expect(await get().store.keys('', 10_000)).toContain(prefixKey);
    });

    test('gives no version again that was removed, and lets a new one remember what was before', async () => {
      const config = configOf(freshKey());
      await get().store.insert(config);
      await get().store.remove(config.prefixKey);
      expect(await get().store.insert(config)).toBe(false);
      const { format, reset, strategy } = config;
      const next = { ...config, format: 'B-{SEQ:6}', version: 2 };
      expect(await get().store.insert(next)).toBe(true);
      expect(await get().store.find([config.prefixKey])).toEqual([
        { kind: 'config', config: { ...next, former: [{ format, reset, strategy }] } },
      ]);
      await get().store.remove(config.prefixKey);
      await get().preload(config.prefixKey, '{"format":"C-{SEQ:6}"}');
      expect(await get().store.replace({ ...config, format: 'D-{SEQ:6}' }, 'any')).toMatchObject({
        kind: 'replaced',
        config: { version: 3, former: [{ format }, { format: 'B-{SEQ:6}' }, { format: 'C-{SEQ:6}' }] },
      });
    });

    test('remembers more numberings than a config itself can name', async () => {
      const prefixKey = freshKey();
      await get().store.insert(configOf(prefixKey, { strategy: 'snowflake', initialSeq: 0n }));
      for (let index = 1; index <= 60; index += 1) {
        const outcome = await get().store.replace(configOf(prefixKey, { format: `F${index}-{SEQ:6}` }), index);
        expect(outcome.kind).toBe('replaced');
      }
      const [history] = await get().store.histories([prefixKey]);
      expect(history?.former).toHaveLength(60);
      const [stored] = await get().store.find([prefixKey]);
      const former = stored?.kind === 'config' ? (stored.config.former ?? []) : [];
      expect(former).toHaveLength(50);
      expect(former[0]?.strategy).toBe('snowflake');
      expect(former.at(-1)?.format).toBe('F59-{SEQ:6}');
    });

    test('takes an entry preloaded by an operator, with defaults for what is missing', async () => {
      const prefixKey = freshKey();
      await get().preload(prefixKey, '{"format":"TEST-{SEQ:4}"}');
      const config = configOf(prefixKey, {
        format: 'TEST-{SEQ:4}',
        seqLength: 4,
        initialSeq: 0n,
        timeZone: 'UTC',
        fiscalYearStart: '01-01',
      });
      expect(await get().store.find([prefixKey])).toEqual([{ kind: 'config', config }]);
      expect(await get().store.insert(config)).toBe(false);
      expect(await get().store.replace(config, 1)).toMatchObject({ kind: 'replaced', config: { version: 2 } });
    });

    test('serves an entry of a later version, and keeps the fields it does not know when it is changed', async () => {
      const prefixKey = freshKey();
      await get().preload(prefixKey, '{"format":"TEST-{SEQ:4}","colour":"red","sites":[{"id":7}],"version":4}');
      const unknown = { colour: 'red', sites: [{ id: 7 }] };
      expect(await get().store.find([prefixKey])).toMatchObject([{ kind: 'config', config: { version: 4, unknown } }]);
      const change = configOf(prefixKey, { format: 'TEST-{SEQ:5}', seqLength: 5 });
      expect(await get().store.replace(change, 4)).toMatchObject({ kind: 'replaced', config: { version: 5, unknown } });
      expect(await get().store.find([prefixKey])).toMatchObject([{ kind: 'config', config: { version: 5, unknown } }]);
    });

    test('does not write over an entry of a later version that it cannot read, and lets it be removed', async () => {
      const prefixKey = freshKey();
      await get().preload(prefixKey, '{"format":"TEST-{SEQ:4}","strategy":"tickets","version":4}');
      const read = await get().store.find([prefixKey]);
      expect(read).toMatchObject([{ kind: 'corrupt', version: 4, reason: expect.stringContaining('tickets') }]);
      expect(await get().store.insert(configOf(prefixKey))).toBe(false);
      expect(await get().store.replace(configOf(prefixKey), 'any')).toEqual({ kind: 'conflict' });
      expect(await get().store.find([prefixKey])).toEqual(read);
      expect(await get().store.remove(prefixKey)).toBe(true);
    });

    test('reports a broken entry as corrupt, harms no other, and lets it be replaced or removed', async () => {
      const [broken, fine] = [freshKey(), configOf(freshKey())];
      await get().preload(broken, '{"format":');
      await get().store.insert(fine);
      const found = await get().store.find([broken, fine.prefixKey]);
      expect(found.map((stored) => stored?.kind)).toEqual(['corrupt', 'config']);
      const repaired = { kind: 'replaced', config: { version: 1 } };
      expect(await get().store.replace(configOf(broken), 'any')).toMatchObject(repaired);
      await get().preload(broken, 'not json');
      expect(await get().store.remove(broken)).toBe(true);
    });

    test('lists page by page in the order of the keys', async () => {
      const prefixKeys = ['ZZ-b', 'ZZ-B', 'ZZ-10', 'ZZ-9', 'ZZ-a', 'ZZ.x'];
      for (const prefixKey of prefixKeys) await get().store.insert(configOf(prefixKey));
      const seen: string[] = [];
      for (let after = 'ZZ'; ; after = seen.at(-1) ?? '') {
        const page = await get().store.list(after, 2);
        seen.push(...page.map(({ prefixKey }) => prefixKey));
        if (page.length < 2) break;
      }
      expect(seen).toEqual(prefixKeys.toSorted());
      expect(await get().store.list('ZZ.x', 10)).toEqual([]);
    });
  });
};
