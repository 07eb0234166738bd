/** The pages that `npm run docs` makes from the code are as the code is now; decisions keep their numbers. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDecisions } from '../support/reference/decisions.ts';
import { REFERENCE_PAGES, readPage } from '../support/reference/pages.ts';

const ROOT = join(import.meta.dirname, '../..');

test.each(REFERENCE_PAGES)('$path says what the code says: npm run docs writes it', ({ path, render }) => {
  expect(readPage(path)).toBe(render());
});

describe('a decision', () => {
  const decisions = readDecisions();

  test('has a number of its own, a title, its context and what was decided', () => {
    expect(decisions.length).toBeGreaterThan(70);
    expect(new Set(decisions.map(({ number }) => number)).size).toBe(decisions.length);
    const isWhole = (text: string): boolean => /\n## Context\n\n\S.+\n## Decision\n\n\S/s.test(text);
    const faults = decisions.filter(
      ({ file, text, title }) => title === undefined || !/^\d{3}-[a-z0-9-]+\.md$/.test(file) || !isWhole(text),
    );
    expect(faults.map(({ file }) => file)).toEqual([]);
  });

  test('that code or docs refer to by its number is there', () => {
    const numbers = new Set(decisions.map(({ number }) => number));
    const files = globSync('{src,test,bench}/**/*.{ts,lua,sql}', { cwd: ROOT }).concat(
      globSync('docs/**/*.md', { cwd: ROOT }),
      'README.md',
      'CHANGELOG.md',
    );
    const referred = files.flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\bdecision (\d+)\b/gi)].map(([, number]) => ({
        path,
        number: Number(number),
      })),
    );
    expect(referred.filter(({ number }) => !numbers.has(number))).toEqual([]);
  });
});
