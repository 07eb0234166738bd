/** Which of many numberings could print the same number as one: found among those that begin alike, within bounds. */
import { describe, expect, test } from 'vitest';
import { type CollisionIndex, createCollisionIndex } from '../../../../src/core/collision/collision-index.ts';
import { type PrintedNumbering, printedBefore, printedBy } from '../../../../src/core/collision/format-language.ts';
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
  const former = { format: 'OLD-{SEQ:4}', strategy: 'gapless', reset: 'never', timeZone: 'UTC' } as const;
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

/** Which prefixes a numbering is compared with, in order. */
const comparedWith = (index: CollisionIndex, numbering: PrintedNumbering): string[] => {
  const compared: string[] = [];
  index.find(numbering, (prefixKey) => compared.push(prefixKey) < 0);
  return compared;
};

describe('compared are those alone whose numbers can begin alike', () => {
  // Made in the test that asks it: what is made before is no part of a test.
  const FORMATS = {
    ...{ LONG: 'DUP-17{SEQ:3}', OTHER: 'OTHER-{SEQ:4}', EMPTY: '{SEQ:4}', D: 'D{SEQ:4}', DUP: 'DUP-{SEQ:4}' },
    ...{ DUPS: '{prefix}-{SEQ:4}', MID: 'DUP-{year}17{SEQ:4}', LOW: 'AAA{SEQ:4}', LONGER: 'DUP-170{SEQ:3}' },
  };
  test.each([
    ['DUP-{SEQ:4}', 'EMPTY D DUP MID LONG LONGER'],
    ['DUP-17{SEQ:4}', 'EMPTY D DUP MID LONG LONGER'],
    ['DUP-{var:x}-{SEQ:4}', 'EMPTY D DUP MID LONG LONGER'],
    ['DUP-{month}', 'EMPTY D DUP MID LONG LONGER'],
    ['DUPS-{SEQ:4}', 'EMPTY D DUPS'],
    ['ZZZ{SEQ:4}', 'EMPTY'],
    ['{SEQ:4}', 'EMPTY LOW D DUP MID LONG LONGER DUPS OTHER'],
    ['{year}{SEQ:4}', 'EMPTY LOW D DUP MID LONG LONGER DUPS OTHER'],
  ])('with %s: %s', (format, compared) => {
    const full = format.includes('SEQ') ? format : `${format}{SEQ:4}`;
    expect(comparedWith(indexOf(FORMATS), printed('NEW', full)).join(' ')).toBe(compared);
  });

  test('and not those that are not asked for, nor the prefix itself', () => {
    const two = indexOf({ A: 'DUP-{SEQ:4}', B: 'DUP-{SEQ:4}' });
    const met = (prefixKey: string, compared?: (prefixKey: string) => boolean) =>
      two.find(printed(prefixKey, 'DUP-{SEQ:4}'), compared);
    expect(met('NEW')).toMatchObject({ kind: 'meets', other: { prefixKey: 'A' } });
    expect(met('NEW', (prefixKey) => prefixKey !== 'A')).toMatchObject({ kind: 'meets', other: { prefixKey: 'B' } });
    expect(met('NEW', () => false)).toBeUndefined();
    expect(met('A')).toMatchObject({ kind: 'meets', other: { prefixKey: 'B' } });
    expect(met('A', (prefixKey) => prefixKey === 'A')).toBeUndefined();
  });
});

describe('what is known of a prefix', () => {
  test('is replaced before and after somebody asks, whatever shares its beginning', () => {
    const index = createCollisionIndex();
    for (const prefixKey of ['A', 'B', 'C']) index.put(prefixKey, [printed(prefixKey, 'DUP-{SEQ:4}')]);
    index.put('C', [printed('C', 'ELSE-{SEQ:4}')]);
    index.put('D', [printed('D', 'GONE-{SEQ:4}')]);
    index.put('D', []);
    const asked = printed('NEW', '{SEQ:4}');
    expect(comparedWith(index, asked)).toEqual(['A', 'B', 'C']);
    index.put('A', []);
    index.put('C', [printed('C', 'AGAIN-{SEQ:4}')]);
    expect(comparedWith(index, asked)).toEqual(['C', 'B']);
    index.put('B', []);
    index.put('D', [printed('D', 'ELSE-{SEQ:4}')]);
    expect(comparedWith(index, asked)).toEqual(['C', 'D']);
    index.put('A', [printed('A', 'DUP-{SEQ:4}')]);
    expect(comparedWith(index, asked)).toEqual(['C', 'A', 'D']);
    index.put('A', []);
    index.put('A', []);
    expect(comparedWith(index, asked)).toEqual(['C', 'D']);
  });
});

describe('a comparison', () => {
  const others = (count: number) => {
    const index = createCollisionIndex();
    for (let at = 0; at < count; at += 1) index.put(`K${at}`, [printed(`K${at}`, '{prefix}/{SEQ:1}')]);
    return index;
  };

  test('is one of at most 1,000; beyond that their number is returned', () => {
    const asked = printed('NEW', '{SEQ:1}-');
    expect(others(1_000).find(asked)).toBeUndefined();
    expect(others(1_001).find(asked)).toEqual({ kind: 'many', count: 1_001 });
    expect(others(1_001).find(asked, (prefixKey) => prefixKey !== 'K77')).toBeUndefined();
  });

  /** By a rule that was allowed once: no new config may end so openly. */
  const earlier = (prefixKey: string, format: string) =>
    printedBefore(prefixKey, {
      ...{ format, strategy: 'counter', reset: 'never', timeZone: 'UTC', fiscalYearStart: '01-01', overflow: 'reject' },
    });

  test('that takes too many steps is given up', () => {
    const asked = earlier('NEW', '{var:a}{var:b}{SEQ:4}{check:mod97}{check:luhn}');
    const hard = earlier('HARD', '{var:x}{var:x}{SEQ:4}{check:damm}{check:mod97}');
    const index = createCollisionIndex();
    index.put('HARD', [hard]);
    expect(index.find(asked)).toEqual({ kind: 'undecided', other: hard });
  });

  test('that finds a number is the result, though an earlier one was given up for its many alignments', () => {
    const asked = earlier('NEW', '{var:a}{SEQ:1}{var:a}');
    const index = createCollisionIndex();
    index.put('HARD', [earlier('HARD', '{var:b}{SEQ:1}A{var:b}')]);
    expect(index.find(asked)).toMatchObject({ kind: 'undecided', other: { prefixKey: 'HARD' } });
    index.put('EASY', [earlier('EASY', 'A{SEQ:1}{var:x}')]);
    expect(index.find(asked)).toMatchObject({ kind: 'meets', other: { prefixKey: 'EASY' } });
  });
});
