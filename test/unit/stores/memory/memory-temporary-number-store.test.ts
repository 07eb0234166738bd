/** Temporary numbers in memory: each is kept once, resolved once, and listed in order. */
import { expect, test } from 'vitest';
import { createMemoryTemporaryNumberStore } from '../../../../src/stores/memory/memory-temporary-number-store.ts';

const entryOf = (number: string, issuedAtMs = 1) => ({
  number,
  prefixKey: 'INV',
  issuedAtMs,
  resolvedNumber: undefined,
});

test('a number that is added is found, another is not', async () => {
  const store = createMemoryTemporaryNumberStore();
  await store.add([entryOf('TMP-1')]);
  expect(await store.find('TMP-1')).toEqual(entryOf('TMP-1'));
  expect(await store.find('TMP-2')).toBeUndefined();
});

test('a number that is added again stays as it is, also when it was resolved', async () => {
  const store = createMemoryTemporaryNumberStore();
  await store.add([entryOf('TMP-1'), entryOf('TMP-2')]);
  await store.resolve('TMP-1', 'INV-1');
  await store.add([entryOf('TMP-1', 99), entryOf('TMP-2', 99)]);
  expect(await store.find('TMP-1')).toEqual({ ...entryOf('TMP-1'), resolvedNumber: 'INV-1' });
  expect(await store.find('TMP-2')).toEqual(entryOf('TMP-2'));
});

test('a number is resolved once; an unknown one never', async () => {
  const store = createMemoryTemporaryNumberStore();
  await store.add([entryOf('TMP-1')]);
  expect(await store.resolve('TMP-1', 'INV-1')).toBe(true);
  expect(await store.resolve('TMP-1', 'INV-2')).toBe(false);
  expect(await store.resolve('TMP-9', 'INV-3')).toBe(false);
  expect((await store.find('TMP-1'))?.resolvedNumber).toBe('INV-1');
  expect(await store.find('TMP-9')).toBeUndefined();
});

test('the list is in the order of the texts, behind the given one, and no longer than asked for', async () => {
  const store = createMemoryTemporaryNumberStore();
  await store.add(['c', 'A', 'b', 'a', 'B'].map((number) => entryOf(number)));
  const listed = async (after: string, limit: number): Promise<string> =>
    (await store.list(after, limit)).map(({ number }) => number).join('');
  expect(await listed('', 10)).toBe('ABabc');
  expect(await listed('', 2)).toBe('AB');
  expect(await listed('B', 2)).toBe('ab');
  expect(await listed('c', 2)).toBe('');
});
