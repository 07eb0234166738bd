/** The table of findings in docs/findings.md names tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

interface Row {
  readonly finding: string;
  readonly file: string;
  readonly title: string;
}

const ROOT = join(import.meta.dirname, '../..');
const ROW = /^\| ([A-D][0-9]+|[0-9]{2}[a-z]?) \| `?([^`|]+?)`? \| (.+) \|$/gm;

const rows = (): readonly Row[] => {
  const text = readFileSync(join(ROOT, 'docs/findings.md'), 'utf8');
  return [...text.matchAll(ROW)].map(([, finding = '', file = '', title = '']) => ({ finding, file, title }));
};

/** Whether a file under `test/` or `hurl/` exists and says the words of a title. */
const isHeld = ({ file, title }: Row): boolean => {
  const path = join(ROOT, file);
  return existsSync(path) && readFileSync(path, 'utf8').includes(title);
};

const numbered = (letter: string, ...numbers: readonly number[]): string[] => numbers.map((n) => `${letter}${n}`);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

/** Those that were mended; each has at least one test. */
const MENDED = [
  ...numbered('A', ...upTo(7), 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 26, 27, 29),
  ...numbered('B', ...upTo(12)),
  ...numbered('C', ...upTo(5), 10, 11),
  ...numbered('D', ...upTo(5)),
];

/** The numbers of the scripts. */
const ATTACKS = [
  ...upTo(11).map((number) => String(number).padStart(2, '0')),
  ...['12', '12c', '12d', '12e', '13', '14', '15', '16', '17', '19', '20', '21', '22', '23', '24', '25', '26', '28'],
];

describe('the table of findings', () => {
  test('has a test for every attack', () => {
    const held = new Set(rows().map(({ finding }) => finding));
    expect(ATTACKS.filter((attack) => !held.has(attack))).toEqual([]);
  });

  test('has a test for every finding that was mended', () => {
    const held = new Set(rows().map(({ finding }) => finding));
    expect(MENDED.filter((finding) => !held.has(finding))).toEqual([]);
  });

  test('is where a developer looks for it', () => {
    const text = readFileSync(join(ROOT, 'docs/development.md'), 'utf8');
    expect(text.includes('](findings.md)')).toBe(true);
  });

  test('names tests that exist', () => {
    expect(rows().filter((row) => !isHeld(row))).toEqual([]);
  });

  test('notices a title that no test has', () => {
    const row = { finding: 'A0', file: 'test/unit/import-rule.test.ts', title: 'no such title anywhere' };
    expect(isHeld(row)).toBe(false);
  });
});
