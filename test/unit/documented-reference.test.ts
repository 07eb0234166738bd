/** The pages that `npm run docs` makes from the code are as the code is now; decisions keep their numbers. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readConstant, readFigure } from '../support/reference/code-constants.ts';
import { readDecisions } from '../support/reference/decisions.ts';
import { REFERENCE_PAGES, readPage } from '../support/reference/pages.ts';

const ROOT = join(import.meta.dirname, '../..');

test.each(REFERENCE_PAGES)('$path says what the code says: npm run docs writes it', ({ path, render }) => {
  expect(readPage(path)).toBe(render());
});

describe('a limit', () => {
  test('is read where it stands: in a constant, a member, a default of a parameter, a script or a pattern', () => {
    expect(readConstant('core/values/receipt.ts', 'RECEIPT_TTL_MS')).toBe(86_400_000);
    expect(readConstant('http/wire/report-stream.ts', 'GARBAGE_BYTES_MAX')).toBe(8 * 1_024 * 1_024);
    expect(readConstant('allocators/counter/machine/counter-limits.ts', 'COUNTER_LIMITS.patienceMs')).toBe(250);
    expect(readConstant('allocators/key-claims.ts', 'lateMax')).toBe(10_000);
    expect(readConstant('stores/redis/lua/reserve.lua', 'NODES_MAX')).toBe(64);
    expect(readFigure('stores/postgres/sql/bury-nodes.sql', /interval '([^']+)'/)).toBe('1 hour');
  });

  test('that is in the code no more is noticed', () => {
    expect(() => readConstant('core/values/receipt.ts', 'NO_SUCH_LIMIT')).toThrow('src/core/values/receipt.ts');
    expect(() => readFigure('core/values/receipt.ts', /no such (limit)/)).toThrow('src/core/values/receipt.ts');
  });
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
