/** Check digits: what `{check:…}` prints behind a number, so that a typing error is noticed. */
import { damm, luhn, mod97_10 } from 'cdigit';

export const CHECK_DIGITS = ['luhn', 'mod97', 'damm'] as const;
export type CheckDigit = (typeof CHECK_DIGITS)[number];

/** How many digits each of them prints. */
export const CHECK_DIGIT_WIDTH: Readonly<Record<CheckDigit, number>> = { luhn: 1, mod97: 2, damm: 1 };

/** A = 10 … Z = 35, as an IBAN counts its letters. */
const lettersAsDigits = (text: string): string =>
  text.replace(/[A-Za-z]/g, (letter) => String(Number.parseInt(letter, 36)));

/**
 * The check digits of `text`, which contains at least one digit.
 * - `luhn` (ISO/IEC 7812-1 annex B, "mod 10") and `damm` look at the digits 0–9 and pass over everything else.
 * - `mod97` (ISO/IEC 7064, MOD 97-10) also looks at the letters A–Z, large and small alike, as 10 to 35.
 */
export const checkDigitOf = (check: CheckDigit, text: string): string => {
  switch (check) {
    case 'luhn':
      return luhn.compute(text);
    case 'damm':
      return damm.compute(text);
    case 'mod97':
      return mod97_10.compute(lettersAsDigits(text));
  }
};
