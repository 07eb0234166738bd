/** A subject can be stored and shown: it has 1 to 255 characters, none of which a terminal obeys. */
import { expect, test } from 'vitest';
import { isSubject, SUBJECT_RULE } from '../../../src/core/subject.ts';

test.each(['a', 'user:1', 'Müller & Söhne', 'x'.repeat(255)])('%j is a subject', (text) => {
  expect(isSubject(text)).toBe(true);
});

test.each(['', 'x'.repeat(256), 'a\nb', '\u001b[2J', 'a\u202eb'])('%j is none', (text) => {
  expect(isSubject(text)).toBe(false);
});

test('the rule says so in a sentence', () => {
  expect(SUBJECT_RULE).toMatch(/^1 to 255 characters, without control characters/);
});
