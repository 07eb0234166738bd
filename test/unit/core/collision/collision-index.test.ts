/** Which of many numberings could print the same number as one: found among those that begin alike, within bounds. */
import { expect, test } from 'vitest';
import { createCollisionIndex } from '../../../../src/core/collision/collision-index.ts';
import { printedBefore, printedBy } from '../../../../src/core/collision/format-language.ts';
import { configOf } from '../../fakes/config-of.ts';

const printed = (prefixKey: string, format: string, terms: object = {}, version = 1) =>
  printedBy(configOf(prefixKey, { format, ...terms }, version));

const indexOf = (formats: Readonly<Record<string, string>>) => {
  const index = createCollisionIndex();
  for (const [prefixKey, format] of Object.entries(formats)) index.put(prefixKey, [printed(prefixKey, format)]);
  return index;
};

test.each([
  ['the same format', 'DUP-{SEQ:4}', 'DUP-0001'],
  ['a longer head', 'DUP-1{SEQ:3}', 'DUP-1001'],
  ['a shorter head', 'DUP{SEQ:4}', undefined],
  ['a head that ends in a variable', 'D{var:x}-{SEQ:4}', 'DUP-0001'],
  ['no head', '{var:x}-{SEQ:4}', 'DUP-0001'],
  ['another head', 'DUQ-{SEQ:4}', undefined],
  ['the key of the other in its head', '{prefix}-{SEQ:4}', undefined],
])('a numbering with %s is compared', (_what, format, text) => {
  const found = indexOf({ A: 'DUP-{SEQ:4}', B: 'other-{SEQ:4}' }).find(printed('NEW', format));
  expect(found?.kind === 'meets' ? found.collision.text : found).toBe(text);
});

test('a prefix does not meet itself, and what it was before is met by others', () => {
  const index = createCollisionIndex();
  const former = { format: 'OLD-{SEQ:4}', strategy: 'counter', reset: 'never', timeZone: 'UTC' } as const;
  index.put('A', [
    printed('A', 'NEW-{SEQ:4}'),
    printedBefore('A', { ...former, fiscalYearStart: '01-01', overflow: 'extend' }),
  ]);
  expect(index.find(printed('A', 'OLD-{SEQ:4}'))).toBeUndefined();
  expect(index.find(printed('B', 'OLD-{SEQ:4}'))).toMatchObject({ kind: 'meets', other: { prefixKey: 'A' } });
  index.put('A', []);
  expect(index.find(printed('B', 'OLD-{SEQ:4}'))).toBeUndefined();
});

test('a config that was never changed begins above its initialSeq, one that was changed may have begun lower', () => {
  const index = indexOf({ A: 'OV1{SEQ:3}' });
  index.put('A', [printed('A', 'OV1{SEQ:3}', { overflow: 'reject' })]);
  const high = { initialSeq: 5_000 };
  expect(index.find(printed('B', 'OV{SEQ:4}', high))).toBeUndefined();
  expect(index.find(printed('B', 'OV{SEQ:4}', high, 2))).toMatchObject({ kind: 'meets' });
});
