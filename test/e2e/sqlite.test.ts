/** The service as strangers start it: one process, embedded SQLite, no setting. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { takeNumbers } from '../support/load.ts';
import { runMain, type Service, startService } from '../support/service.ts';

/** `SERVICE_KILLS=100 vitest run --project e2e` is the long run: each start costs a second of a core. */
const KILLS = Number(process.env['SERVICE_KILLS'] ?? 25);
const NUMBERS_BEFORE_KILL = 40;
const CLIENTS = 8;

const services: Service[] = [];
const start = async (env: Record<string, string> = {}): Promise<Service> => {
  const service = await startService({ env });
  services.push(service);
  return service;
};

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
});

const register = async (service: Service, key: string, body: object, token?: string): Promise<Response> =>
  fetch(`${service.url}/prefix-configs/${key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

describe('a single node on SQLite', () => {
  test("200: the brief's own example works", async () => {
    const service = await start();
    const registered = await register(service, 'ORDERS', {
      format: 'ORDER-{year}-{SEQ:6}',
      seq_length: 6,
      initial_seq: 1000,
    });
    expect(registered.status).toBe(200);
    expect(await registered.json()).toMatchObject({ status: 'registered' });
    const taken = await fetch(`${service.url}/numbers/ORDERS`);
    expect(await taken.json()).toEqual({ number: `ORDER-${new Date().getUTCFullYear()}-001001` });
  });

  test(`a process killed ${KILLS} times under load never repeats a number, and skips none but those whose replies were cut`, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kill-'));
    const seen = new Set<string>();
    let repeated = 0;
    let highest = 0;
    let lost = 0;
    const record = (numbers: readonly string[]): void => {
      for (const number of numbers) {
        if (seen.has(number)) repeated += 1;
        seen.add(number);
        highest = Math.max(highest, Number(number.slice(1)));
      }
    };
    for (let kill = 0; kill <= KILLS; kill += 1) {
      const service = await start({ DATA_DIR: dataDir });
      if (kill === 0) await register(service, 'K', { format: 'K{SEQ:9}' });
      const urls = [`${service.url}/numbers/K`];
      const load = takeNumbers({ urls, clients: CLIENTS });
      // The load goes on while these are taken, and is cut in the middle of whatever it is doing then.
      record((await takeNumbers({ urls, clients: 1, numbersMax: NUMBERS_BEFORE_KILL })).numbers);
      await service.kill();
      const cut = await load;
      record(cut.numbers);
      lost += cut.lost;
    }
    rmSync(dataDir, { recursive: true });
    expect(repeated).toBe(0);
    expect(seen.size).toBeGreaterThan(KILLS * NUMBERS_BEFORE_KILL);
    // Each connection that a kill cut may have been owed one number; no other is missing.
    expect(lost).toBeLessThanOrEqual(CLIENTS * (KILLS + 1));
    expect(highest - seen.size).toBeLessThanOrEqual(lost);
  }, 600_000);

  test('a second process on the same data directory refuses to start and says why', async () => {
    const service = await start();
    const second = await runMain([], { DATA_DIR: service.dataDir, AUTH: 'off' });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('Another process uses the data directory');
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  test('stops on SIGTERM with exit code 0 and goes on counting after a restart', async () => {
    const service = await start();
    await register(service, 'A', { format: 'A{SEQ:3}' });
    await fetch(`${service.url}/numbers/A`);
    const { dataDir } = service;
    expect(await service.stop()).toBe(0);
    expect(service.logs().map((line) => line['event'])).toContain('stopped');
    const again = await start({ DATA_DIR: dataDir });
    expect(await (await fetch(`${again.url}/numbers/A`)).json()).toEqual({ number: 'A002' });
  });

  test('rests below 150 MB of memory', async () => {
    // Not under coverage, which takes 10 MB more.
    const service = await start({ NODE_V8_COVERAGE: '' });
    await register(service, 'A', { format: 'A{SEQ:3}' });
    await fetch(`${service.url}/numbers/A`);
    const text = await (await fetch(`${service.url}/metrics`)).text();
    const resident = Number(/^process_resident_memory_bytes (\d+)/m.exec(text)?.[1]);
    expect(resident).toBeGreaterThan(0);
    expect(resident).toBeLessThan(150 * 2 ** 20);
  });
});

describe('the token command', () => {
  test('prints a token that the service of the same data directory accepts, with a secret only its owner can read', async () => {
    const service = await start({ AUTH: 'on' });
    const { code, stdout } = await runMain(['token'], { DATA_DIR: service.dataDir });
    expect(code).toBe(0);
    const registered = await register(service, 'T', { format: 'T{SEQ:3}' }, stdout.trim());
    expect(registered.status).toBe(200);
    const secretFile = join(service.dataDir, 'jwt-secret');
    expect(statSync(secretFile).mode & 0o777).toBe(0o600);
    const log = JSON.stringify(service.logs());
    expect(log).not.toContain(readFileSync(secretFile, 'utf8').trim());
    expect(log).not.toContain(stdout.trim());
  });

  test('narrows the token by --scope and refuses scopes and times it does not know', async () => {
    const service = await start({ AUTH: 'on' });
    const env = { DATA_DIR: service.dataDir };
    const narrow = await runMain(['token', '--scope', 'configs:write:SHOP-*', '--expires', '15m'], env);
    expect((await register(service, 'SHOP-1', { format: 'S{SEQ:3}' }, narrow.stdout.trim())).status).toBe(200);
    expect((await register(service, 'OTHER', { format: 'S{SEQ:3}' }, narrow.stdout.trim())).status).toBe(403);
    const claims = JSON.parse(Buffer.from(narrow.stdout.split('.')[1] ?? '', 'base64url').toString());
    expect(claims.exp - claims.iat).toBe(900);
    for (const args of [
      ['--scope', 'everything'],
      ['--expires', 'soon'],
      ['--color', 'red'],
    ]) {
      const refused = await runMain(['token', ...args], env);
      expect([refused.code, refused.stdout]).toEqual([1, '']);
      expect(refused.stderr.length).toBeGreaterThan(10);
    }
  });
});

describe('the command line', () => {
  test('--help and --version print and end', async () => {
    expect((await runMain(['--help'])).stdout).toContain('npm run token');
    expect((await runMain(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('an unknown command is refused with the help', async () => {
    const { code, stderr } = await runMain(['fly']);
    expect(code).toBe(1);
    expect(stderr).toContain('Unknown command: fly');
  });

  test('refuses to start in production without a key, and with wrong settings, naming all at once and no value', async () => {
    const production = await runMain([], { NODE_ENV: 'production' });
    expect(production.code).toBe(1);
    expect(production.stderr).toContain('JWT_SECRET: Required with NODE_ENV=production');
    const wrong = await runMain([], {
      PORT: 'x',
      JWT_SECRET: 'short-secret',
      REDIS_URL: 'http://u:hidden@h',
      HOST: '0.0.0.0',
      AUTH: 'off',
    });
    expect(wrong.code).toBe(1);
    for (const name of ['PORT:', 'JWT_SECRET:', 'REDIS_URL:']) expect(wrong.stderr).toContain(name);
    expect(wrong.stderr).not.toMatch(/short-secret|hidden/);
    const open = await runMain([], { AUTH: 'off', HOST: '0.0.0.0' });
    expect(open.stderr).toContain('AUTH: off needs HOST=127.0.0.1');
  });
});
