/** Which configs were changed since a node last looked, as long as that is remembered. */
import { expect, test } from 'vitest';
import { CHANGES_KEPT, createConfigGenerations } from '../../../../src/core/prefix-config/config-generations.ts';

test('a node that looks again hears of the changes since, in their order, and of none twice', () => {
  const generations = createConfigGenerations();
  const first = generations.current();
  expect(generations.since(first)).toEqual({ generation: first, prefixKeys: [] });
  for (const prefixKey of ['A', 'B', 'A']) generations.note(prefixKey);
  const later = generations.since(first);
  expect(later).toEqual({ generation: generations.current(), prefixKeys: ['A', 'B', 'A'] });
  expect(later.generation).not.toBe(first);
  generations.note('C');
  expect(generations.since(later.generation).prefixKeys).toEqual(['C']);
});

test('a node that never looked, or knows a later generation than there is, has to read all', () => {
  const generations = createConfigGenerations();
  generations.note('A');
  const ahead = createConfigGenerations();
  for (const prefixKey of ['A', 'B']) ahead.note(prefixKey);
  for (const generation of [undefined, ahead.current()]) {
    expect(generations.since(generation)).toEqual({ generation: generations.current(), prefixKeys: undefined });
  }
});

test('as many changes are remembered as are kept, and not one more', () => {
  const generations = createConfigGenerations();
  const before = generations.current();
  for (let count = 0; count < CHANGES_KEPT; count += 1) generations.note(`K${count}`);
  expect(generations.since(before).prefixKeys).toHaveLength(CHANGES_KEPT);
  const between = generations.current();
  generations.note('last');
  expect(generations.since(before).prefixKeys).toBeUndefined();
  expect(generations.since(between).prefixKeys).toEqual(['last']);
});
