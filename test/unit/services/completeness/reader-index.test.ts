/** The index of readers: who is tried on a number, how old it may be, and where it ends. */
import { expect, test } from 'vitest';
import type { StoredConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import { createReaderIndex } from '../../../../src/services/completeness/reader-index.ts';
import { configOf } from '../../fakes/config-of.ts';

const everything = (): boolean => true;

const indexOf = (formats: Readonly<Record<string, string>>) => {
  const entries = Object.entries(formats)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([prefixKey, format]): { prefixKey: string; stored: StoredConfig } => ({
      prefixKey,
      stored:
        format === ''
          ? { kind: 'corrupt', reason: 'spoilt' }
          : { kind: 'config', config: configOf(prefixKey, { format }) },
    }));
  let looks = 0;
  const clock = { nowMs: 0, now: () => clock.nowMs };
  const list = async (after: string, limit: number) => {
    if (after === '') looks += 1;
    return entries.filter(({ prefixKey }) => prefixKey > after).slice(0, limit);
  };
  const histories = async (prefixKeys: readonly string[]) => prefixKeys.map(() => undefined);
  return { index: createReaderIndex({ list, histories }, clock), clock, entries, looks: () => looks };
};

test('only those are tried whose numbers begin like this one, the longest beginning first', async () => {
  const { index } = indexOf({
    A: '{prefix}-{SEQ:3}',
    AB: 'A-{year}{SEQ:3}',
    B: 'B-{SEQ:3}',
    C: '{year}{SEQ:3}',
    D: '',
  });
  const { readers, complete } = await index.candidates('A-2026001', everything);
  expect(readers.map(({ config }) => config.prefixKey)).toEqual(['A', 'AB', 'C']);
  expect(complete).toBe(true);
});

test('is read again after 5 s, or when the clock was set back, and once for all who ask at the same time', async () => {
  const { index, clock, looks } = indexOf({ A: 'A{SEQ:3}' });
  await Promise.all([index.candidates('A001', everything), index.candidates('A002', everything)]);
  clock.nowMs = 4_999;
  await index.candidates('A001', everything);
  expect(looks()).toBe(1);
  clock.nowMs = 5_000;
  await index.candidates('A001', everything);
  expect(looks()).toBe(2);
  clock.nowMs = 0;
  await index.candidates('A001', everything);
  expect(looks()).toBe(3);
});

test('tries at most 100 readers, and says so', async () => {
  const formats = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`K${index}`, 'A{SEQ:3}']));
  const { readers, complete } = await indexOf(formats).index.candidates('A001', everything);
  expect([readers.length, complete]).toEqual([100, false]);
});

test('series that the caller may not see push none out that he may, and do not show in what is said', async () => {
  const formats = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`K${index}`, 'A{SEQ:3}']));
  const { index } = indexOf({ ...formats, Z: 'A{SEQ:3}' });
  const { readers, complete } = await index.candidates('A001', (prefixKey) => prefixKey === 'Z');
  expect([readers.map(({ config }) => config.prefixKey), complete]).toEqual([['Z'], true]);
});

test('looks at the first 10,000 prefix configs, and says when there are more', async () => {
  const formats = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`K${index}`, `K${index}-{SEQ:3}`]));
  const { index } = indexOf(formats);
  const { readers, complete } = await index.candidates('K5-001', everything);
  expect([readers.map(({ config }) => config.prefixKey), complete]).toEqual([['K5'], false]);
});
