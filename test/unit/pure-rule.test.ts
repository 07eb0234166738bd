/** What decides in the allocators is without promises, timers and clocks, and the check that says so is not blind. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findActing, isPure } from '../support/pure-rule.ts';

const ROOT = join(import.meta.dirname, '../..');

test('the files of src that decide do not act', () => {
  const pure = globSync('src/allocators/**/*.ts', { cwd: ROOT }).filter(isPure);
  expect(pure.length).toBeGreaterThanOrEqual(9);
  expect(findActing(pure.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })))).toEqual([]);
});

test.each([
  ['const a = new Promise(() => undefined);', 'Promise'],
  ['type A = () => Promise<void>;', 'Promise'],
  ['const a = async () => 1;', 'async'],
  ['setTimeout(() => undefined, 1);', 'setTimeout'],
  ["import { setTimeout } from 'node:timers/promises';", 'setTimeout'],
  ['const a = Date.now();', 'Date'],
  ['const a = performance.now();', 'performance'],
])('%s is seen in a file that decides', (text, act) => {
  for (const path of ['gapless/waiting-line', 'counter/machine/node', 'segment/segment-queue', 'snowflake/next-ids']) {
    expect(findActing([{ path: `src/allocators/${path}.ts`, text }])).toContain(`src/allocators/${path}.ts: ${act}`);
  }
  expect(findActing([{ path: 'src/allocators/gapless/ledger-calls.ts', text }])).toEqual([]);
});
