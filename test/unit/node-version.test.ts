/** A Node that is too old is refused with a sentence. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

test('a Node that is too old ends with a sentence that says what to do, not with a stack trace', () => {
  const source = readFileSync(join(ROOT, 'src/node-version.mjs'), 'utf8');
  // The same file, run by a process that says of itself that it is older.
  const program = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });\n${source}`;
  const run = () => execFileSync(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'pipe' });
  expect(run).toThrow(/Node 24 or newer is needed/);
});

test('the oldest Node that is let through is the one package.json asks for', () => {
  const { engines, scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    engines: { node: string };
    scripts: Record<string, string>;
  };
  const oldest = /OLDEST = (\d+)/.exec(readFileSync(join(ROOT, 'src/node-version.mjs'), 'utf8'))?.[1];
  expect(engines.node).toBe(`>=${oldest}`);
  const commands = Object.values(scripts).filter((script) => script.includes('src/main.ts'));
  expect(commands.every((script) => script.startsWith('node --import ./src/node-version.mjs '))).toBe(true);
});
