/** docs/glossary.md explains every term once. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const text = readFileSync(join(import.meta.dirname, '../../docs/glossary.md'), 'utf8');
const entries = [...text.matchAll(/^### (.+)\n((?:(?!#).*\n)*)/gm)].map(([, term = '', meaning = '']) => ({
  term,
  meaning: meaning.trim(),
}));

test('each term has a heading of its own, and a meaning', () => {
  expect(entries.length).toBeGreaterThan(60);
  const terms = entries.map(({ term }) => term.toLowerCase());
  expect(terms.filter((term, index) => terms.indexOf(term) !== index)).toEqual([]);
  expect(entries.filter(({ meaning }) => meaning.split(' ').length < 4)).toEqual([]);
});

test('the words of the field stand beside those of the house', () => {
  const meaningOf = new Map(entries.map(({ term, meaning }) => [term, meaning]));
  for (const [term, word] of [
    ['epoch', 'Fencing token'],
    ['ceiling', 'High-water mark'],
    ['account', 'Snapshot'],
    ['standby segment', 'Pre-allocated range'],
    ['receipt', 'Stored idempotency result'],
  ]) {
    expect(meaningOf.get(term ?? '')).toContain(word);
  }
});
