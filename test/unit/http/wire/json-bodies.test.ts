/** How much a JSON text holds, looked at before it is parsed. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bulkOf } from '../../../../src/http/wire/json-bodies.ts';

const NO_END = { levels: Number.POSITIVE_INFINITY, commas: Number.POSITIVE_INFINITY };

const isHolder = (value: unknown): value is object => typeof value === 'object' && value !== null;
const levelsOf = (value: unknown): number =>
  isHolder(value) ? 1 + Math.max(0, ...Object.values(value).map(levelsOf)) : 0;
const commasOf = (value: unknown): number => {
  if (!isHolder(value)) return 0;
  const members = Object.values(value);
  return Math.max(0, members.length - 1) + members.map(commasOf).reduce((sum, one) => sum + one, 0);
};

test('is told of every JSON text, whatever stands in its strings', () => {
  const stringUnit = fc.constantFrom('[', ']', '{', '}', ',', '"', '\\', 'a', '\u2028');
  fc.assert(
    fc.property(fc.json({ stringUnit, maxDepth: 6 }), (text) => {
      // A name that comes twice is one member of the value only.
      const value = JSON.parse(text);
      expect(bulkOf(JSON.stringify(value), NO_END)).toEqual({ levels: levelsOf(value), commas: commasOf(value) });
    }),
  );
});

test('is not looked for beyond what is allowed', () => {
  expect(bulkOf('['.repeat(99), { levels: 32, commas: 9 })).toEqual({ levels: 33, commas: 0 });
  expect(bulkOf(`[${'1,'.repeat(99)}`, { levels: 32, commas: 9 })).toEqual({ levels: 1, commas: 10 });
});

test('comes to an end for texts that are no JSON', () => {
  for (const text of ['"'.repeat(99), '\\'.repeat(99), ']'.repeat(99), '["'.repeat(99), '{"a":"\\']) {
    expect(bulkOf(text, NO_END).commas).toBe(0);
  }
});
