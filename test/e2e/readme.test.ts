/** The README keeps its word: its commands are run as they stand there, and print what it says. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startService } from '../support/service.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const BLOCK = /<!-- run by test\/e2e\/readme\.test\.ts -->\n```console\n(.*?)```/gs;

it('the commands of the README print what the README says', async () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(BLOCK)].flatMap(([, block = '']) => block.trimEnd().split('\n'));
  const commands = lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  const printed = lines.filter((line) => !line.startsWith('$ '));
  expect(commands.length).toBeGreaterThan(4);
  await using service = await startService({ env: { AUTH: 'on' } });
  const script = [
    'set -euo pipefail',
    ...commands.map((command) => `${command}${command.startsWith('curl') ? '; echo' : ''}`),
  ]
    .join('\n')
    .replaceAll('localhost:8080', `127.0.0.1:${service.port}`);
  const PATH = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  const { stdout } = await run('bash', ['-c', script], {
    cwd: ROOT,
    env: { PATH, HOME: process.env['HOME'], DATA_DIR: service.dataDir },
  });
  const year = new Date().getUTCFullYear();
  expect(stdout.trimEnd().split('\n')).toEqual(printed.map((line) => line.replaceAll('INV-2026-', `INV-${year}-`)));
});
