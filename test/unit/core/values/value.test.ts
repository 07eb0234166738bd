/** Values are unsigned 64 bit integers, exact from end to end. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseValue, VALUE_MAX } from '../../../../src/core/values/value.ts';

const value = fc.bigInt(0n, VALUE_MAX);

test('the highest value is 2^64 - 1', () => {
  expect(VALUE_MAX).toBe(2n ** 64n - 1n);
});

test('every value is read back exactly from its decimal spelling', () => {
  fc.assert(
    fc.property(value, (one) => {
      expect(parseValue(one.toString())).toBe(one);
    }),
  );
});

test.each([0n, 1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, VALUE_MAX - 1n, VALUE_MAX])(
  'the boundary %s is exact',
  (one) => {
    expect(parseValue(String(one))).toBe(one);
  },
);

describe('what is not the canonical spelling of a value is refused', () => {
  test('a value above 2^64 - 1 is refused', () => {
    fc.assert(
      fc.property(fc.bigInt(VALUE_MAX + 1n, 10n ** 30n), (tooHigh) => {
        expect(parseValue(tooHigh.toString())).toBeUndefined();
      }),
    );
  });

  test.each([
    ['nothing', ''],
    ['a sign', '-1'],
    ['a plus sign', '+1'],
    ['negative zero', '-0'],
    ['a leading zero', '01'],
    ['two zeros', '00'],
    ['a fraction', '1.0'],
    ['an exponent', '1e3'],
    ['hexadecimal', '0x10'],
    ['a space in front', ' 1'],
    ['a line feed behind', '1\n'],
    ['digits of another script', '١٢'],
    ['a separator', '1_000'],
    ['a bigint literal', '1n'],
    ['words', 'Infinity'],
    ['a thousand digits', '9'.repeat(1_000)],
  ])('%s', (_what, text) => {
    expect(parseValue(text)).toBeUndefined();
  });

  test('any text that is read is exactly what its value prints', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9. ]{0,22}$/)), (text) => {
        const read = parseValue(text);
        expect(read === undefined || (read.toString() === text && read <= VALUE_MAX)).toBe(true);
      }),
    );
  });
});
