/** Whether two ways to number one prefix could print the same number. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { couldMeet } from '../../../../src/core/prefix-config/collision-rule.ts';
import { formerAfter, type Numbering, type Strategy } from '../../../../src/core/prefix-config/numbering.ts';
import type { Reset } from '../../../../src/core/template/period.ts';
import { compileTemplate } from '../../../../src/core/template/printer.ts';
import { parseTemplate } from '../../../../src/core/template/template.ts';

const as = (format: string, strategy: Strategy = 'counter', reset: Reset = 'never'): Numbering => ({
  format,
  strategy,
  reset,
});
const meet = (one: Numbering, other: Numbering): boolean => {
  expect(couldMeet('K1', one, other)).toBe(couldMeet('K1', other, one));
  return couldMeet('K1', one, other);
};

describe('formats of one counter', () => {
  test.each([
    ['another width', 'A{SEQ:3}', 'A{SEQ:6}'],
    ['other letters', 'A{SEQ:3}', 'B{SEQ:3}'],
    ['a date before, set apart by a sign', 'INV-{SEQ:6}', 'INV-{year}-{SEQ:6}'],
    ['the same digits around', 'A1{SEQ:2}', 'A1{SEQ:4}'],
    ['other digits of the same width before', 'A1{SEQ:2}', 'A2{SEQ:2}'],
    ['one date for another of its width', '{year}{SEQ:4}', '{month}{day}{SEQ:4}'],
    ['another sign', 'A-{SEQ:3}', 'A/{SEQ:3}'],
    ['the same, with a variable of the caller', '{var:shop}-{SEQ:3}', '{var:shop}-{SEQ:5}'],
    ['a width of two digits, with a variable of the caller', '{var:shop}-{SEQ:3}', '{var:shop}-{SEQ:12}'],
    ['more digits in another run', '12-{SEQ:3}', '1-{SEQ:3}'],
  ])('never meet with %s', (_what, one, other) => {
    expect(meet(as(one), as(other))).toBe(false);
    expect(meet(as(one), as(other, 'segment'))).toBe(false);
  });

  test.each([
    ['a digit that could be one of the sequence', 'A{SEQ:3}', 'A1{SEQ:2}'],
    ['digits behind it', '{SEQ:3}', '{SEQ:1}{yy}'],
    ['the sequence in the place of other digits', 'A{SEQ:4}-0007', 'A0005-{SEQ:4}'],
    ['a date in the place of the sequence', '{SEQ:4}-{year}', '{year}-{SEQ:4}'],
    ['a prefix key that ends in a digit', '{prefix}{SEQ:3}', 'K{SEQ:3}'],
    ['a check digit behind it', '{SEQ:3}', '{SEQ:3}{check:luhn}'],
    ['a digit more before it', 'A1{SEQ:3}', 'A12{SEQ:2}'],
    ['a third digit before it', 'A12{SEQ:3}', 'A123{SEQ:2}'],
    ['a digit more behind it', '{SEQ:3}1', '{SEQ:2}12'],
    ['the sequence one run further on', '{day}-{SEQ:4}-{year}', '{day}-{year}-{SEQ:4}'],
    ['a variable of the caller in one of them', '{var:shop}-{SEQ:3}', 'B-{SEQ:3}'],
    ['a variable of the caller before the same', '{var:shop}A-{SEQ:3}', 'A-{SEQ:3}'],
    ['another variable of the caller', '{var:shop}-{SEQ:3}', '{var:store}-{SEQ:3}'],
  ])('could meet with %s', (_what, one, other) => {
    expect(meet(as(one), as(other))).toBe(true);
  });
});

describe('periods', () => {
  test('another reset counts anew: it meets, unless the letters or signs differ', () => {
    expect(meet(as('{year}-{SEQ:3}'), as('{year}-{SEQ:3}', 'counter', 'yearly'))).toBe(true);
    expect(meet(as('INV-{SEQ:3}'), as('INV-{year}-{SEQ:3}', 'counter', 'yearly'))).toBe(false);
  });

  test('with a reset dates must not change their places', () => {
    const yearly = (format: string): Numbering => as(format, 'counter', 'yearly');
    expect(meet(yearly('{yy}{day}-{SEQ:3}'), yearly('{day}{yy}-{SEQ:3}'))).toBe(true);
    expect(meet(yearly('{year}-{SEQ:3}'), yearly('{year}-{SEQ:5}'))).toBe(false);
  });
});

describe('strategies', () => {
  test('counter and segment share the counter', () => {
    expect(meet(as('A{SEQ:3}'), as('A{SEQ:3}', 'segment'))).toBe(false);
  });

  test('gapless counts apart from them: it meets in the same format, and not in one with other letters', () => {
    expect(meet(as('A{SEQ:3}'), as('A{SEQ:3}', 'gapless'))).toBe(true);
    expect(meet(as('A{SEQ:3}', 'segment'), as('G{SEQ:3}', 'gapless'))).toBe(false);
  });

  test('snowflakes are told apart by their size, in formats that put it in the same place', () => {
    expect(meet(as('A{SEQ:3}'), as('A{SEQ:3}', 'snowflake'))).toBe(false);
    expect(meet(as('A{SEQ:3}', 'gapless'), as('A{SEQ:19}', 'snowflake'))).toBe(false);
    expect(meet(as('A{SEQ:3}'), as('A1{SEQ:3}', 'snowflake'))).toBe(true);
    expect(meet(as('{yy}{day}-{SEQ:3}', 'counter', 'yearly'), as('{day}{yy}-{SEQ:3}', 'snowflake'))).toBe(true);
  });

  test('UUIDs are told apart by their length', () => {
    expect(meet(as('A{SEQ:20}'), as('A{SEQ:1}', 'uuidv7'))).toBe(false);
    expect(meet(as('A{SEQ:19}', 'snowflake'), as('B{SEQ:1}', 'uuidv7'))).toBe(false);
    expect(meet(as('A{SEQ:1}', 'uuidv7'), as('A0{SEQ:1}', 'uuidv7'))).toBe(false);
    expect(meet(as('A{SEQ:1}', 'uuidv7'), as('A01a2b3c4d5e6f{SEQ:20}'))).toBe(true);
    expect(meet(as('A{SEQ:1}', 'uuidv7'), as('A{SEQ:20}01a2b3c4d5e6'))).toBe(true);
    expect(meet(as('A{SEQ:1}', 'uuidv7'), as('A{SEQ:20}01a2b3c4d5e'))).toBe(false);
    expect(meet(as('A{SEQ:1}', 'uuidv7'), as('AAAAAAAAAAAAAAA{SEQ:1}', 'uuidv7'))).toBe(false);
  });

  test('UUIDs could meet anything that a caller writes, but in the same format', () => {
    expect(meet(as('{var:a}-{SEQ:1}', 'uuidv7'), as('{var:a}-{SEQ:3}'))).toBe(false);
    expect(meet(as('{var:a}-{SEQ:1}', 'uuidv7'), as('{var:b}-{SEQ:3}'))).toBe(true);
    expect(meet(as('{var:a}-{SEQ:1}', 'uuidv7'), as('A-{SEQ:3}'))).toBe(true);
    expect(meet(as('A-{SEQ:1}', 'uuidv7'), as('{var:a}-{SEQ:3}'))).toBe(true);
  });
});

test('what never meets never prints the same for two values, wherever the dates stand', () => {
  const part = fc.constantFrom('A', '-', '0', '1', '12', '{yy}', '{month}', '{day}', '{prefix}');
  const side = fc.array(part, { maxLength: 3 }).map((parts) => parts.join(''));
  const format = fc.tuple(side, fc.integer({ min: 1, max: 3 }), side).map(([a, n, b]) => `${a}{SEQ:${n}}${b}`);
  const instants = [Date.UTC(2026, 0, 12), Date.UTC(2012, 11, 1), Date.UTC(2001, 10, 26)];
  const all = (text: string): Map<string, number> => {
    const printerAt = compileTemplate(parseTemplate(text), {
      prefixKey: 'K1',
      timeZone: 'UTC',
      fiscalYearStart: '01-01',
    });
    const numbers = new Map<string, number>();
    for (const instantMs of instants) {
      const print = printerAt(instantMs)();
      for (let value = 0; value < 320; value += 1) numbers.set(print(BigInt(value)), value);
    }
    return numbers;
  };
  fc.assert(
    fc.property(format, format, (one, other) => {
      if (couldMeet('K1', as(one), as(other))) return;
      const printed = all(one);
      for (const [number, value] of all(other)) expect(printed.get(number) ?? value).toBe(value);
    }),
    { numRuns: 40 },
  );
});

test('former numberings are remembered once each, and not the one that is taken up again', () => {
  const first = as('A{SEQ:3}');
  const second = as('B{SEQ:3}');
  const third = as('A{SEQ:3}', 'snowflake');
  const afterOne = formerAfter(first, second);
  expect(afterOne).toEqual([first]);
  expect(formerAfter({ ...second, former: afterOne }, third)).toEqual([first, second]);
  expect(formerAfter({ ...second, former: afterOne }, first)).toEqual([second]);
  expect(formerAfter(first, first)).toEqual([]);
  expect(formerAfter({ ...second, former: [first, first] }, third)).toEqual([first, second]);
  expect(formerAfter(first, as('A{SEQ:3}', 'counter', 'yearly'))).toEqual([first]);
});
