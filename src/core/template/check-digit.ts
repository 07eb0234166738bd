/** Check digits: what `{check:…}` prints behind a number, so that a typing error is noticed. */

export const CHECK_DIGITS = ['luhn', 'mod97', 'damm'] as const;
export type CheckDigit = (typeof CHECK_DIGITS)[number];

/** How many digits each of them prints. */
export const CHECK_DIGIT_WIDTH: Readonly<Record<CheckDigit, number>> = { luhn: 1, mod97: 2, damm: 1 };

/** What twice a digit adds to the sum of `luhn`. */
const DOUBLED = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
/** The quasigroup of H. Michael Damm's thesis: a row for the digit so far, a column for the next one. */
const DAMM = [
  '0317598642',
  '7092154863',
  '4206871359',
  '1750983426',
  '6123045978',
  '3674209581',
  '5869720134',
  '8945362017',
  '9438617205',
  '2581436790',
].map((row) => [...row].map(Number));

/** How a check counts one character more, of which it knows the value: 0–9, and 10–35 for the letters A–Z. */
type Step = (state: number, value: number) => number;

/**
 * A check is worked out character by character: what is known of a text so far is one small number, 0 for the empty one. So a list
 * of numbers that begin alike looks at their beginning once.
 */
const STEPS: Readonly<Record<CheckDigit, Step>> = {
  // Whether a digit counts double depends on how many follow: two sums, one for each case.
  luhn: (state, digit) => {
    if (digit > 9) return state;
    const [odd, even] = [Math.floor(state / 10), state % 10];
    return ((even + (DOUBLED[digit] ?? 0)) % 10) * 10 + ((odd + digit) % 10);
  },
  damm: (state, digit) => (digit > 9 ? state : (DAMM[state]?.[digit] ?? 0)),
  // A = 10 … Z = 35, as an IBAN counts its letters.
  mod97: (state, value) => (state * (value > 9 ? 100 : 10) + value) % 97,
};

/** The value of a character, NaN when checks pass over it. */
const worthOf = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 122 ? letter - 87 : Number.NaN;
};

/** @param state what is known of the text before; 0 when there is none. */
export const continueCheck = (check: CheckDigit, state: number, text: string): number => {
  const step = STEPS[check];
  let known = state;
  for (let at = 0; at < text.length; at += 1) {
    const value = worthOf(text.charCodeAt(at));
    if (!Number.isNaN(value)) known = step(known, value);
  }
  return known;
};

/** The check digits of a text of which this is known. */
export const endCheck = (check: CheckDigit, state: number): string => {
  switch (check) {
    case 'luhn':
      return String((10 - Math.floor(state / 10)) % 10);
    case 'damm':
      return String(state);
    case 'mod97':
      return String(98 - ((state * 100) % 97)).padStart(2, '0');
  }
};

/**
 * The check digits of `text`.
 * - `luhn` (ISO/IEC 7812-1 annex B, "mod 10") and `damm` look at the digits 0–9 and pass over everything else.
 * - `mod97` (ISO/IEC 7064, MOD 97-10) also looks at the letters A–Z, large and small alike, as 10 to 35.
 */
export const checkDigitOf = (check: CheckDigit, text: string): string => endCheck(check, continueCheck(check, 0, text));
