/** CI's tools: kept by version, never half there, and never an old one in the place of a new one. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { findOnPath } from '../support/redis.ts';

const CI = join(import.meta.dirname, '../../.ci');
/** Built by Go in seconds, from two versions of which we use the later one. */
const TOOL = 'toxiproxy-server';
const [OLDER, VERSION] = ['v2.4.0', 'v2.5.0'];

const GO = findOnPath('go') ?? '/usr/local/go/bin/go';
const goOf = (variable: string): string => execFileSync(GO, ['env', variable], { encoding: 'utf8' }).trim();

let warm: NodeJS.ProcessEnv;
beforeAll(() => {
  // Nothing that is installed already is found, and what was built before is not built again.
  const path = [dirname(GO), '/usr/bin', '/bin'].join(delimiter);
  warm = { PATH: path, GOCACHE: goOf('GOCACHE'), GOMODCACHE: goOf('GOMODCACHE'), GOPROXY: goOf('GOPROXY') };
});

let home: string;
let tools: string;
let repository: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'test-tools-'));
  [tools, repository] = [join(home, 'tools'), join(home, 'repository')];
  for (const file of ['install-tool', 'environment', 'tool-versions']) {
    cpSync(join(CI, file), join(repository, '.ci', file));
  }
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const killed: number[] = [];
afterAll(() => {
  for (const group of killed) {
    try {
      process.kill(-group, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

const settings = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...process.env,
  ...warm,
  HOME: home,
  CI_TOOLS_DIR: tools,
  ...env,
});
const install = (name = TOOL, env: NodeJS.ProcessEnv = {}) =>
  spawnSync(join(repository, '.ci/install-tool'), [name], { env: settings(env), encoding: 'utf8' });

const wantVersion = (version: string): void => {
  const versions = join(repository, '.ci/tool-versions');
  writeFileSync(versions, readFileSync(versions, 'utf8').replace(`${TOOL} ${VERSION}`, `${TOOL} ${version}`));
};

/** Which version Go wrote into the program. */
const versionOf = (program: string): string | undefined =>
  /^\tmod\t\S+\t(\S+)/m.exec(
    execFileSync(GO, ['version', '-m', program], { env: settings({}), encoding: 'utf8' }),
  )?.[1];

const placeOf = (version: string): string => join(tools, `${TOOL}-${version}`, 'bin', TOOL);

test('another version is installed beside the old one, and each is found again', () => {
  wantVersion(OLDER);
  expect(install()).toMatchObject({ status: 0, stdout: `${TOOL}: ${placeOf(OLDER)}\n` });
  cpSync(join(CI, 'tool-versions'), join(repository, '.ci/tool-versions'));
  expect(install()).toMatchObject({ status: 0, stdout: `${TOOL}: ${placeOf(VERSION)}\n` });
  expect(versionOf(placeOf(OLDER))).toBe(OLDER);
  expect(versionOf(placeOf(VERSION))).toBe(VERSION);
  wantVersion(OLDER);
  // Without Go it can only be the one that is there.
  expect(install(TOOL, { PATH: '/usr/bin:/bin' })).toMatchObject({ status: 0, stdout: `${TOOL}: ${placeOf(OLDER)}\n` });
});

test('what earlier versions of the script left without a version is not used, and not in the way', () => {
  mkdirSync(join(tools, 'bin'), { recursive: true });
  writeFileSync(join(tools, 'bin', TOOL), '#!/bin/sh\necho stale\n', { mode: 0o755 });
  expect(install()).toMatchObject({ status: 0, stdout: `${TOOL}: ${placeOf(VERSION)}\n` });
  expect(versionOf(placeOf(VERSION))).toBe(VERSION);
});

test('an installation that is killed leaves no tool, and the next one makes it', async () => {
  // With nothing built before, it takes a while.
  const cache = join(home, 'go-build');
  const running = spawn(join(repository, '.ci/install-tool'), [TOOL], {
    env: settings({ GOCACHE: cache }),
    detached: true,
  });
  killed.push(running.pid ?? 0);
  await vi.waitFor(() => expect(readdirSync(cache).length).toBeGreaterThan(1), 30_000);
  process.kill(-(running.pid ?? 0), 'SIGKILL');
  await once(running, 'exit');
  expect(existsSync(placeOf(VERSION))).toBe(false);
  expect(readdirSync(tools).filter((name) => name.startsWith(TOOL))).toEqual([]);
  expect(install()).toMatchObject({ status: 0, stdout: `${TOOL}: ${placeOf(VERSION)}\n` });
});

test('a virtual environment whose Python is gone is not taken for the tool', () => {
  const place = join(tools, 'schemathesis-4.32.5');
  mkdirSync(join(place, 'bin'), { recursive: true });
  writeFileSync(join(place, 'pyvenv.cfg'), '');
  writeFileSync(join(place, 'bin/schemathesis'), '#!/nowhere/python\n', { mode: 0o755 });
  // pip would take a minute to fetch it: that it tries to says enough.
  const { status, stderr } = install('schemathesis', { PIP_INDEX_URL: 'http://127.0.0.1:9/', PIP_RETRIES: '0' });
  expect(status).not.toBe(0);
  expect(stderr).toContain('schemathesis==');
  expect(readdirSync(tools)).toEqual(['schemathesis-4.32.5']);
});

test('a name that is none is refused', () => {
  expect(install('nonsense')).toMatchObject({ status: 2, stderr: 'Unknown tool: nonsense\n' });
});
