/** A node on the embedded database is ready when it takes writes: tried on a small disk of its own, filled and freed. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';

/** What /health promises. */
const SHOWN_WITHIN = { timeout: 5_000, interval: 100 };

let disk: string;
let app: TestApp;

beforeEach(async () => {
  disk = mkdtempSync(join(tmpdir(), 'small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk]);
  app = await startApp({ DATA_DIR: disk });
  await app.ready();
  await app.call('PUT', '/api/prefix-configs/A', { format: 'A{SEQ:4}' });
});

afterEach(async () => {
  await app.close();
  execFileSync('umount', [disk]);
  rmSync(disk, { recursive: true });
});

const take = async (): Promise<number> => (await app.call('GET', '/api/numbers/A?count=1')).status;
const seen = async (): Promise<{ health: number; readyz: number; detail: string }> => {
  const { status, json } = await app.call('GET', '/health');
  const { detail } = json.components.find(({ name }: { name: string }) => name === 'sqlite');
  return { health: status, readyz: (await app.call('GET', '/readyz')).status, detail };
};
const UP = { health: 200, readyz: 200, detail: 'Answers' };

const ballast = (): string => join(disk, 'ballast');
/** Leaves no free block. */
const fill = (): void => {
  for (const size of [65_536, 4_096]) {
    try {
      for (;;) writeFileSync(ballast(), Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full.
    }
  }
};

describe('while the disk is full', () => {
  test('503: /health says so within 5 s though nobody asks for a number, /readyz too, and both are well within 5 s when there is room', async () => {
    fill();
    await expect.poll(seen, SHOWN_WITHIN).toEqual({
      ...{ health: 503, readyz: 503 },
      detail: 'The embedded database cannot be written: its disk is full.',
    });
    rmSync(ballast());
    await expect.poll(seen, SHOWN_WITHIN).toEqual(UP);
    expect(await take()).toBe(200);
  });

  test('503: the outcome of a real call is shown at once', async () => {
    fill();
    await expect.poll(take, { timeout: 5_000, interval: 1 }).toBe(503);
    expect(await seen()).toMatchObject({ health: 503, readyz: 503, detail: expect.stringContaining('disk is full') });
  });
});

describe('when the files of the database are moved away under the process', () => {
  test('503: no number is issued into a file that nobody will find, /health says so, and the same files put back serve again', async () => {
    expect(await take()).toBe(200);
    const elsewhere = mkdtempSync(join(disk, 'elsewhere-'));
    const files = readdirSync(disk).filter((name) => /\.sqlite(-wal)?$/.test(name));
    expect(files).toHaveLength(2);
    for (const name of files) renameSync(join(disk, name), join(elsewhere, name));
    expect(await take()).toBe(503);
    expect(await seen()).toMatchObject({
      ...{ health: 503, readyz: 503 },
      detail: expect.stringContaining('was removed or replaced'),
    });
    expect(existsSync(join(disk, 'number-generator.sqlite'))).toBe(false);
    for (const name of files) renameSync(join(elsewhere, name), join(disk, name));
    await expect.poll(seen, SHOWN_WITHIN).toEqual(UP);
    expect((await app.call('GET', '/api/numbers/A')).json).toEqual({ number: 'A0002' });
  });

  test('503: another file in its place is not taken for it', async () => {
    renameSync(join(disk, 'number-generator.sqlite'), join(disk, 'old'));
    writeFileSync(join(disk, 'number-generator.sqlite'), '');
    await expect.poll(seen, SHOWN_WITHIN).toMatchObject({ readyz: 503 });
    expect(await take()).toBe(503);
    renameSync(join(disk, 'old'), join(disk, 'number-generator.sqlite'));
    await expect.poll(seen, SHOWN_WITHIN).toEqual(UP);
  });
});
