/** Other users of the machine cannot read the files of the service, whatever was there before and whatever the umask. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { closeDirectory } from '../../src/lib/private-files.ts';
import { openSqliteDatabase } from '../../src/stores/sqlite/sqlite-database.ts';
import { startService } from '../support/service.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const modesIn = (directory: string): [string, string][] =>
  readdirSync(directory).map((name) => [name, modeOf(join(directory, name))]);

test('a fresh data directory is closed to others, and so is every file in it', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'test-private-'));
  const dataDir = join(parent, 'data');
  const service = await startService({ env: { AUTH: 'on', DATA_DIR: dataDir } });
  try {
    expect(modeOf(dataDir)).toBe('700');
    const modes = modesIn(dataDir);
    expect(modes.map(([name]) => name)).toEqual(
      expect.arrayContaining(['jwt-secret', 'number-generator.sqlite', 'number-generator.sqlite-wal']),
    );
    expect(modes.filter(([, mode]) => mode !== '600')).toEqual([]);
  } finally {
    await service.close();
    rmSync(parent, { recursive: true });
  }
});

test('a data directory that others could read, and every file in it, is closed at the start', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'test-private-'));
  openSqliteDatabase(dataDir).close();
  writeFileSync(join(dataDir, 'jwt-secret'), `${'x'.repeat(43)}\n`);
  for (const name of readdirSync(dataDir)) chmodSync(join(dataDir, name), 0o664);
  chmodSync(dataDir, 0o775);
  const service = await startService({ env: { AUTH: 'on', DATA_DIR: dataDir } });
  try {
    expect(modeOf(dataDir)).toBe('700');
    expect(modesIn(dataDir).filter(([, mode]) => mode !== '600')).toEqual([]);
  } finally {
    await service.close();
    rmSync(dataDir, { recursive: true });
  }
});

test('a directory for everybody, such as /tmp, stays one', () => {
  const shared = mkdtempSync(join(tmpdir(), 'test-private-'));
  try {
    chmodSync(shared, 0o1777);
    closeDirectory(shared);
    expect(modeOf(shared)).toBe('1777');
  } finally {
    rmSync(shared, { recursive: true });
  }
});
