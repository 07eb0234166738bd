/** The table of findings in docs/findings.md names tests that exist. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Row {
  readonly finding: string;
  readonly file: string;
  readonly title: string;
}

const ROOT = join(import.meta.dirname, '../..');
const ROW = /^\| ([A-D][0-9]+) \| `?([^`|]+?)`? \| (.+) \|$/gm;

const rows = (): readonly Row[] => {
  const text = readFileSync(join(ROOT, 'docs/findings.md'), 'utf8');
  return [...text.matchAll(ROW)].map(([, finding = '', file = '', title = '']) => ({ finding, file, title }));
};

/** Whether a file under `test/` or `hurl/` exists and says the words of a title. */
const isHeld = ({ file, title }: Row): boolean => {
  const path = join(ROOT, file);
  return existsSync(path) && readFileSync(path, 'utf8').includes(title);
};

describe('the table of findings', () => {
  it('names tests that exist', () => {
    expect(rows().filter((row) => !isHeld(row))).toEqual([]);
  });

  it('notices a title that no test has', () => {
    const row = { finding: 'A0', file: 'test/unit/import-rule.test.ts', title: 'no such title anywhere' };
    expect(isHeld(row)).toBe(false);
  });
});
