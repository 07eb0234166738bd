/** Check digits: the known examples, what is passed over, and which typing errors are always noticed. */
import { damm, luhn, mod97_10 } from 'cdigit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHECK_DIGIT_WIDTH,
  CHECK_DIGITS,
  checkDigitOf,
  continueCheck,
  endCheck,
} from '../../../../src/core/template/check-digit.ts';

describe('the known examples come out', () => {
  test.each([
    ['luhn', '7992739871', '3'],
    ['luhn', '0', '0'],
    ['luhn', '411111111111111', '1'],
    ['damm', '572', '4'],
    ['damm', '0', '0'],
    ['mod97', '794', '44'],
    // An IBAN without its check digits, the country behind: GB82 WEST 1234 5698 7654 32.
    ['mod97', 'WEST12345698765432GB', '82'],
    ['mod97', '370400440532013000DE', '89'],
  ] as const)('%s of %s is %s', (check, text, digits) => {
    expect(checkDigitOf(check, text)).toBe(digits);
  });
});

describe('what is passed over', () => {
  test.each(['luhn', 'damm'] as const)('%s looks at digits only', (check) => {
    expect(checkDigitOf(check, 'INV-2026/00 0124ß٤')).toBe(checkDigitOf(check, '2026000124'));
  });

  test('mod97 looks at letters too, large and small alike', () => {
    expect(checkDigitOf('mod97', 'in-v7')).toBe(checkDigitOf('mod97', 'INV7'));
    expect(checkDigitOf('mod97', 'INV7')).toBe(checkDigitOf('mod97', '1823317'));
    expect(checkDigitOf('mod97', 'INV7')).not.toBe(checkDigitOf('mod97', '7'));
    expect(checkDigitOf('mod97', 'ß٤-7')).toBe(checkDigitOf('mod97', '7'));
  });
});

/** The library's, of which none can go on where another one ended. */
const ORACLES = {
  luhn: (text: string) => luhn.compute(text),
  damm: (text: string) => damm.compute(text),
  mod97: (text: string) => mod97_10.compute(text.replace(/[A-Za-z]/g, (letter) => String(Number.parseInt(letter, 36)))),
};

describe.each(CHECK_DIGITS)('%s', (check) => {
  test('is what the library says, also when the text comes in two halves', () => {
    const text = fc.stringMatching(/^[A-Za-z0-9 _.ä-]{0,60}[0-9][A-Za-z0-9 _.ä-]{0,60}$/);
    fc.assert(
      fc.property(text, fc.nat(), (whole, place) => {
        const at = place % whole.length;
        const half = continueCheck(check, 0, whole.slice(0, at));
        expect(endCheck(check, continueCheck(check, half, whole.slice(at)))).toBe(ORACLES[check](whole));
        expect(checkDigitOf(check, whole)).toBe(ORACLES[check](whole));
      }),
    );
  });

  const digits = fc.stringMatching(/^[0-9]{1,40}$/);

  test('has always the same width', () => {
    fc.assert(
      fc.property(digits, (text) => {
        expect(checkDigitOf(check, text)).toMatch(new RegExp(`^[0-9]{${CHECK_DIGIT_WIDTH[check]}}$`));
      }),
    );
  });

  test('notices every single wrong digit', () => {
    fc.assert(
      fc.property(digits, fc.nat(), fc.integer({ min: 1, max: 9 }), (text, position, shift) => {
        const at = position % text.length;
        const wrong = `${text.slice(0, at)}${(Number(text[at]) + shift) % 10}${text.slice(at + 1)}`;
        expect(checkDigitOf(check, wrong)).not.toBe(checkDigitOf(check, text));
      }),
    );
  });

  test('notices two neighbours that changed places (luhn: but for 09 and 90)', () => {
    fc.assert(
      fc.property(digits, fc.nat(), (text, position) => {
        const at = position % text.length;
        const pair = text.slice(at, at + 2);
        fc.pre(pair.length === 2 && pair[0] !== pair[1] && !(check === 'luhn' && ['09', '90'].includes(pair)));
        const wrong = text.slice(0, at) + pair[1] + pair[0] + text.slice(at + 2);
        expect(checkDigitOf(check, wrong)).not.toBe(checkDigitOf(check, text));
      }),
    );
  });
});
