/** The stages of .ci/run keep to the minutes of .ci/budget, and each has a line there. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const CHECK_BUDGET = join(ROOT, '.ci/check-budget');
const TABLE = '# Minutes.\nLoad: long\t3\nLoad:\t1\nTests\t2\nWhole run\t4\n';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'test-budget-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A stage, the seconds it took, and those it waited for tools. */
type Stage = readonly [name: string, seconds: number, waited?: number];

const check = (table: string, stages: readonly Stage[]) => {
  const [tableFile, measuredFile] = [join(directory, 'budget'), join(directory, 'measured')];
  writeFileSync(tableFile, table);
  writeFileSync(measuredFile, stages.map(([name, seconds, waited = 0]) => `${name}\t${seconds}\t${waited}\n`).join(''));
  const { status, stdout, stderr } = spawnSync(CHECK_BUDGET, [tableFile, measuredFile], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return { status, report: stdout, problems: stdout.split('\n').filter((line) => line.startsWith('FAIL ')) };
};

test('stages within their lines pass, and each is printed with what it may take and took', () => {
  const { status, report, problems } = check(TABLE, [
    ['Tests with coverage', 120],
    ['Load: spike', 59],
  ]);
  expect(problems).toEqual([]);
  expect(status).toBe(0);
  expect(report).toMatch(/^\s*2 min\s+120 s\s+Tests with coverage$/m);
  expect(report).toMatch(/^\s*1 min\s+59 s\s+Load: spike$/m);
  expect(report).toMatch(/^\s*4 min\s+179 s\s+Whole run$/m);
});

test('a stage above its line fails with its name', () => {
  const { status, problems } = check(TABLE, [
    ['Tests with coverage', 100],
    ['Load: spike', 61],
  ]);
  expect(problems).toEqual(['FAIL over its budget: Load: spike took 61 s of 60 s']);
  expect(status).toBe(1);
});

test('a stage without a line fails with its name', () => {
  const { status, problems } = check(TABLE, [['Lint', 1]]);
  expect(problems).toEqual(['FAIL no line in the budget: Lint']);
  expect(status).toBe(1);
});

test('what waits for tools is printed, and counts for nothing', () => {
  const { status, report } = check(TABLE, [['Tests with coverage', 119, 500]]);
  expect(status).toBe(0);
  expect(report).toMatch(/119 s\s+500 s\s+Tests with coverage$/m);
});

test('stages that keep to their lines fail together when their sum is above that of the whole run', () => {
  const { status, problems } = check(TABLE, [
    ['Load: long', 180],
    ['Tests with coverage', 61],
  ]);
  expect(problems).toEqual(['FAIL over its budget: Whole run took 241 s of 240 s']);
  expect(status).toBe(1);
});

test('the first line that fits counts, and minutes may be parts', () => {
  const table = 'Load: long\t0.5\nLoad:\t1\nWhole run\t10\n';
  expect(check(table, [['Load: long, short', 31]]).problems).toHaveLength(1);
  expect(check(table, [['Load: spike', 31]]).problems).toEqual([]);
});

test('a table that cannot be read fails, and so do measurements of nothing', () => {
  expect(check('Tests 2\n', [['Tests', 1]]).status).toBe(1);
  expect(check(TABLE, []).problems).toEqual(['FAIL nothing was measured']);
});

test('each step of .ci/run has a line of its own or a shared one in .ci/budget', () => {
  const steps = [...readFileSync(join(ROOT, '.ci/run'), 'utf8').matchAll(/^\s*step (['"])(.+?)\1/gm)];
  const names = steps.map(([, , name = '']) => name);
  expect(names.length).toBeGreaterThan(15);
  const { problems } = check(
    readFileSync(join(ROOT, '.ci/budget'), 'utf8'),
    names.map((name) => [name, 1] as const),
  );
  expect(problems).toEqual([]);
});
