/** Pages of what a caller may see: full as long as there is more, each item once, and no trace of the rest. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPage } from '../../../../src/services/shared/page.ts';

const keysUpTo = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index).padStart(5, '0'));

/** A list with these keys, and what it was asked for. */
const listOf = (keys: readonly string[]) => {
  const asked: [string, number][] = [];
  const read = async (after: string, limit: number): Promise<readonly string[]> => {
    asked.push([after, limit]);
    return keys.filter((key) => key > after).slice(0, limit);
  };
  return { asked, read };
};

const identity = (key: string): string => key;

test('a page is full although most entries are left out, and it leads to the next one', async () => {
  const { read } = listOf(keysUpTo(5_000));
  const select = (key: string): string | undefined => (Number(key) % 1_000 === 999 ? key : undefined);
  expect(await readPage(read, identity, select, { after: '', limit: 3 })).toEqual({
    items: ['00999', '01999', '02999'],
    next: '02999',
  });
  expect(await readPage(read, identity, select, { after: '02999', limit: 3 })).toEqual({
    items: ['03999', '04999'],
    next: undefined,
  });
});

test('the last page has no next one, also when it is full and entries that are left out follow', async () => {
  const { read } = listOf(keysUpTo(10));
  const select = (key: string): string | undefined => (key < '00002' ? key : undefined);
  expect((await readPage(read, identity, select, { after: '', limit: 2 })).next).toBeUndefined();
});

test('the store is asked in portions, the next one behind the last key of the one before', async () => {
  const { read, asked } = listOf(keysUpTo(2_000));
  await readPage(read, identity, () => undefined, { after: '', limit: 5 });
  expect(asked).toEqual([
    ['', 1_000],
    ['00999', 1_000],
    ['01999', 1_000],
  ]);
});

test('an error of the store is passed on', async () => {
  const error = new Error('Away');
  const read = (): Promise<never> => Promise.reject(error);
  await expect(readPage(read, identity, identity, { after: '', limit: 5 })).rejects.toBe(error);
});

test('whatever is left out: the pages together are all that may be seen, in order, each once', async () => {
  const visible = fc.uniqueArray(fc.nat(2_500), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(visible, fc.integer({ min: 1, max: 20 }), async (numbers, limit) => {
      const { read } = listOf(keysUpTo(2_501));
      const keys = new Set(numbers.map((number) => String(number).padStart(5, '0')));
      const select = (key: string): string | undefined => (keys.has(key) ? key : undefined);
      const seen: string[] = [];
      let after: string | undefined = '';
      while (after !== undefined) {
        const page: Awaited<ReturnType<typeof readPage<string, string>>> = await readPage(read, identity, select, {
          after,
          limit,
        });
        seen.push(...page.items);
        after = page.next;
        expect(after === undefined || page.items.length === limit).toBe(true);
      }
      expect(seen).toEqual([...keys].sort());
    }),
    { numRuns: 30 },
  );
});
