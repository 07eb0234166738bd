/** What a terminal would obey: found in texts, and shown in JSON by its code. */
import { expect, test } from 'vitest';
import { isPlain, plainJson, plainTexts } from '../../../src/core/plain-text.ts';

const UNPLAIN = [
  '\u0000',
  '\u001b',
  '\n',
  '\u007f',
  '\u0085',
  '\u009b',
  '\u061c',
  '\u200e',
  '\u2028',
  '\u202e',
  '\u2069',
  '\ud800',
];

test.each(['', 'Müller & Söhne', 'שלום', '東京', '🙂', 'e\u0301', 'a\u200db'])('%j is plain', (text) => {
  expect(isPlain(text)).toBe(true);
});

test.each(UNPLAIN)('%j is not', (char) => {
  expect(isPlain(`a${char}b`)).toBe(false);
});

test.each(UNPLAIN)('a line of the log says the same of %j, and holds nothing but printable characters', (char) => {
  const line = JSON.stringify({ reason: `Größe ${char}\\u001b \\${char}` });
  const shown = plainJson(line);
  expect(JSON.parse(shown)).toEqual(JSON.parse(line));
  expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u);
});

test.each(UNPLAIN.filter((char) => char !== '\n'))('who prints the texts of a line prints the code of %j', (char) => {
  const line = JSON.stringify({ reason: `a${char}b \\u001b \\${char}` });
  const { reason } = JSON.parse(plainTexts(line)) as { reason: string };
  expect(isPlain(reason)).toBe(true);
  expect(reason).toContain(`\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
});

test('a backslash that stands before the look of a code stays one', () => {
  const line = JSON.stringify({ path: 'C:\\u001b' });
  expect(plainTexts(line)).toBe(line);
});
