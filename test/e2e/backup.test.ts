/** Backing up the embedded database while it is written to, and restoring it after a crash: no number comes again, nothing is lost on the way. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { takeNumbers } from '../support/load.ts';
import { runMain, type Service, startService } from '../support/service.ts';

let work: string;
const services: Service[] = [];

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'backup-'));
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
  rmSync(work, { recursive: true, force: true });
});

const dataDir = (): string => join(work, 'data');
const database = (): string => join(dataDir(), 'number-generator.sqlite');
const start = async (): Promise<Service> => {
  const service = await startService({ env: { DATA_DIR: dataDir() } });
  services.push(service);
  return service;
};
const run = (...args: string[]) => runMain(args, { DATA_DIR: dataDir() });
const register = async ({ url }: Service, key: string, config: object = {}): Promise<void> => {
  const body = JSON.stringify({ format: `${key}-{SEQ:6}`, ...config });
  const reply = await fetch(`${url}/api/prefix-configs/${key}`, {
    ...{ method: 'PUT', headers: { 'content-type': 'application/json' }, body },
  });
  expect(reply.status).toBe(200);
};
const take = async ({ url }: Service, key: string, count = 1): Promise<string[]> =>
  ((await (await fetch(`${url}/api/numbers/${key}?count=${count}`)).json()) as { numbers: string[] }).numbers;
const json = async (service: Service, path: string) => (await fetch(`${service.url}${path}`)).json() as never;

describe('npm run backup', () => {
  test('copies the database under load, whole, to one file that only its owner can read, and says how far it is', async () => {
    const service = await start();
    await register(service, 'INV');
    await register(service, 'GAP', { strategy: 'gapless' });
    await take(service, 'GAP', 10_000);
    const load = takeNumbers({
      urls: [`${service.url}/numbers/INV`, `${service.url}/numbers/GAP`],
      clients: 8,
      numbersMax: 3_000,
    });
    const before = await take(service, 'INV', 5);
    const file = join(work, 'copy.sqlite');
    const made = await run('backup', file);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringContaining('100 %') });
    expect((await load).lost).toBe(0);
    expect(readdirSync(work).toSorted()).toEqual(['copy.sqlite', 'data']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const copy = new DatabaseSync(file, { readOnly: true });
    expect(copy.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    const value = Number(copy.prepare("SELECT value FROM sequences WHERE prefix_key = 'INV'").get()?.['value']);
    expect(value).toBeGreaterThanOrEqual(Number(before.at(-1)?.slice(4)));
    copy.close();
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  test('refuses to overwrite, leaves nothing of a copy that failed, and copies without a service too', async () => {
    const service = await start();
    await register(service, 'INV');
    const file = join(work, 'copy.sqlite');
    writeFileSync(file, 'mine');
    expect(await run('backup', file)).toMatchObject({ code: 1, stderr: expect.stringContaining('is not overwritten') });
    expect(readFileSync(file, 'utf8')).toBe('mine');
    const nowhere = join(work, 'none', 'copy.sqlite');
    expect(await run('backup', nowhere)).toMatchObject({ code: 1 });
    await service.kill();
    const offline = join(work, 'offline.sqlite');
    expect(await run('backup', offline)).toMatchObject({ code: 0 });
    expect(existsSync(`${offline}.partial`)).toBe(false);
    expect(await run('backup')).toMatchObject({ code: 1, stderr: expect.stringContaining('Name one file') });
    const redis = await runMain(['backup', join(work, 'x')], { DATA_DIR: dataDir(), REDIS_URL: 'redis://127.0.0.1:1' });
    expect(redis).toMatchObject({ code: 1, stderr: expect.stringContaining('embedded database') });
  });
});

describe('npm run restore', () => {
  test('after kill -9 and with the old log beside it: no number comes again, what was there is kept aside, and a restart is right', async () => {
    const first = await start();
    await register(first, 'INV');
    await register(first, 'GAP', { strategy: 'gapless' });
    const issued = [...(await take(first, 'INV', 5)), ...(await take(first, 'GAP', 5))];
    const file = join(work, 'copy.sqlite');
    expect(await run('backup', file)).toMatchObject({ code: 0 });
    issued.push(...(await take(first, 'INV', 20)), ...(await take(first, 'GAP', 20)));
    await first.kill();
    expect(existsSync(`${database()}-wal`)).toBe(true);

    const asked = await run('restore', file);
    expect(asked).toMatchObject({ code: 1, stderr: expect.stringContaining('GAP=5') });
    const restored = await run('restore', file, '--highest', 'GAP=25', '--margin', '100');
    expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining('GAP: moved from 5 to 25') });
    expect(restored.stdout).toContain('INV: moved from 5 to 105');
    const aside = readdirSync(dataDir()).filter((name) => name.includes('.replaced-'));
    expect(aside.some((name) => name.endsWith('-wal'))).toBe(true);
    expect(existsSync(`${database()}-wal`)).toBe(false);

    const second = await start();
    const again = [...(await take(second, 'INV', 2)), ...(await take(second, 'GAP', 2))];
    expect(again).toEqual(['INV-000106', 'INV-000107', 'GAP-000026', 'GAP-000027']);
    expect(issued.filter((number) => again.includes(number))).toEqual([]);
    expect(await json(second, '/api/sequences/INV/gaps')).toMatchObject({
      items: [{ first: '6', last: '105', reason: 'recovery-jump' }],
    });
    expect(await json(second, '/api/sequences/GAP/report')).toMatchObject({
      summary: { issued: '7', lost: '20', exact: true },
    });
    expect(await second.stop()).toBe(0);
    const third = await start();
    expect(await take(third, 'GAP')).toEqual(['GAP-000028']);
  });

  test('never hands out again what was free in the backup, for it may have been handed out since', async () => {
    const service = await start();
    await register(service, 'GAP', { strategy: 'gapless' });
    const post = (path: string, body: object) =>
      fetch(`${service.url}${path}`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
      });
    const { id } = (await (await post('/api/reservations', { prefixKey: 'GAP' })).json()) as { id: string };
    await take(service, 'GAP', 2);
    await post(`/api/reservations/${id}/void`, { reason: 'no' });
    const file = join(work, 'copy.sqlite');
    await run('backup', file);
    expect(await take(service, 'GAP')).toEqual(['GAP-000001']);
    await service.kill();
    writeFileSync(join(work, 'highest'), '# what was issued last\nGAP=3\n');
    expect(await run('restore', file, '--highest-file', join(work, 'highest'))).toMatchObject({ code: 0 });
    expect(await take(await start(), 'GAP')).toEqual(['GAP-000004']);
  });

  test('refuses while a process has the database open, also a stopped one, and what is no backup; then nothing is changed', async () => {
    const service = await start();
    await register(service, 'INV');
    const file = join(work, 'copy.sqlite');
    await run('backup', file);
    service.pause();
    const held = await run('restore', file, '--margin', '0');
    service.resume();
    expect(held).toMatchObject({ code: 1, stderr: expect.stringContaining('stop the service first') });
    expect(await take(service, 'INV')).toEqual(['INV-000001']);
    await service.kill();
    const before = readdirSync(dataDir()).toSorted();
    writeFileSync(join(work, 'text'), 'no database, but a text that is long enough to be looked at');
    const broken = join(work, 'broken');
    copyFileSync(file, broken);
    appendFileSync(broken, 'x');
    writeFileSync(broken, readFileSync(broken).fill(0xff, 4_096, 12_288));
    for (const other of [join(work, 'none'), join(work, 'text'), broken]) {
      expect(await run('restore', other, '--margin', '0')).toMatchObject({ code: 1 });
    }
    for (const args of [
      ['--highest', 'NOPE=5', '--margin', '0'],
      ['--highest', 'INV'],
      ['--margin', '-1'],
    ]) {
      expect(await run('restore', file, ...args)).toMatchObject({ code: 1 });
    }
    expect(readdirSync(dataDir()).toSorted()).toEqual(before);
  });
});

describe('a start on the embedded database', () => {
  test('refuses a file of a newer version, and leaves it as it is', async () => {
    const service = await start();
    await service.stop();
    const file = new DatabaseSync(database());
    file.exec('PRAGMA user_version = 99');
    file.close();
    const refused = await run();
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('newer version') });
    const after = new DatabaseSync(database());
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
    after.close();
  });

  test('refuses a damaged file, and says how to go on; and one whose restore was interrupted', async () => {
    const service = await start();
    await register(service, 'INV');
    await service.stop();
    const whole = readFileSync(database());
    writeFileSync(database(), Buffer.from(whole).fill(0xff, 4_096, 12_288));
    expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('Restore a backup') });
    writeFileSync(database(), whole);
    writeFileSync(`${database()}.restoring`, '');
    expect(await run()).toMatchObject({ code: 1, stderr: expect.stringContaining('a restore was interrupted') });
  });
});
