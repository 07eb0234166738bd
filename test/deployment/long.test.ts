/** .ci/long runs what it says it runs, and writes down what came of it in the table of .ci/long-results.md. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const script = readFileSync(join(ROOT, '.ci/long'), 'utf8');

const cellsOf = (row: string): string[] =>
  row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
const [header = [], , ...rows] = readFileSync(join(ROOT, '.ci/long-results.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map(cellsOf);

const matches = (pattern: RegExp): string[] => [...script.matchAll(pattern)].map(([, part = '']) => part);
const PARTS = matches(/^ {2}([a-z]+)\)$/gm);

const runLong = (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const directory = mkdtempSync(join(tmpdir(), 'test-long-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const results = join(directory, 'results.md');
  // The run inside is none of this one.
  const clean = Object.entries(process.env).filter(([name]) => !/^(VITEST|NODE_V8_COVERAGE|NODE_ENV|TEST$)/.test(name));
  const { status, stderr } = spawnSync(join(ROOT, '.ci/long'), args, {
    env: { ...Object.fromEntries(clean), LONG_RESULTS: results, ...env },
    encoding: 'utf8',
  });
  return { status, stderr, row: () => cellsOf(readFileSync(results, 'utf8')) };
};

test('the parts that the script describes are those it has', () => {
  expect(PARTS.length).toBeGreaterThan(0);
  expect(matches(/^# \.ci\/long ([a-z]+)/gm)).toEqual(PARTS);
});

test('each result has a cell for each column, a day, and a part of the script', () => {
  expect(header).toEqual(['date', 'commit', 'machine', 'part', 'asked for', 'outcome']);
  for (const row of rows) {
    expect(row).toHaveLength(header.length);
    expect(row[0]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(PARTS).toContain(row[3]);
  }
});

test('a part that passes adds a row with the commit, what was asked for, and how many tests there were', () => {
  const { status, row } = runLong(['properties'], { PROPERTY_TIMES: '0.1' });
  expect(status).toBe(0);
  const [date = '', commit = '', , ...rest] = row();
  expect(Date.parse(date)).toBeGreaterThan(Date.now() - 172_800_000);
  const head = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  expect(commit.replace(' and changes', '')).toBe(head);
  expect(rest).toEqual(['properties', 'PROPERTY_TIMES=0.1', expect.stringMatching(/^passed, \d+ tests; \d+ s$/)]);
  expect(row()).toHaveLength(header.length);
});

test('a part that fails adds a row with the names of the tests, and fails itself', () => {
  const { status, row } = runLong(['properties'], { PROPERTY_TIMES: 'often' });
  expect(status).not.toBe(0);
  expect(row().at(-1)).toMatch(/^failed: .*prints the same number for two periods or values.*; \d+ s$/);
});

test('a part that there is not is refused, with those that there are', () => {
  const { status, stderr } = runLong(['everything']);
  expect(status).toBe(64);
  for (const part of PARTS) expect(stderr).toContain(`.ci/long ${part}`);
});
