/** Nodes killed, frozen, with a false clock, or twice on one data directory. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runMain, startService } from '../../../support/service.ts';
import type { Nemesis, Outcome, Scene } from '../nemesis.ts';

const EVERYWHERE = ['redis', 'replicas', 'postgres'] as const;
const FROZEN_MS = 5_000;
const GUEST_REQUESTS = 20;
const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/faketime/libfaketime.so.1',
  '/usr/local/lib/faketime/libfaketime.so.1',
];
const HALF_HOUR_MS = 1_800_000;

const killNode = async (scene: Scene): Promise<Outcome> => {
  const node = scene.random.pick(scene.nodes);
  await scene.kill(node);
  await scene.pause(0, 2_000);
  await scene.start(node);
  return { did: `node ${node.label} killed, a fresh one in its place` };
};

const freezeNode = async (scene: Scene): Promise<Outcome> => {
  const node = scene.random.pick(scene.nodes);
  scene.freeze(node);
  await scene.pause(FROZEN_MS, FROZEN_MS);
  scene.thaw(node);
  return { did: `node ${node.label} frozen for ${FROZEN_MS} ms` };
};

/** How far the clock of a node is off, by the Date header of its replies. */
const clockErrorMs = async (url: string): Promise<number> => {
  const { headers } = await fetch(`${url}/readyz`);
  return Date.parse(headers.get('date') ?? '') - Date.now();
};

const stepClock = async (scene: Scene): Promise<Outcome> => {
  const library = LIBRARIES.find(existsSync);
  if (library === undefined) return { did: 'nothing', idle: 'libfaketime is not installed' };
  const node = scene.random.pick(scene.nodes);
  const step = scene.random.pick(['+1h', '-1h']);
  await scene.stop(node);
  await scene.start(node, {
    LD_PRELOAD: library,
    FAKETIME: step,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_NO_CACHE: '1',
  });
  const errorMs = Math.abs(await clockErrorMs(node.url));
  await scene.pause(1_500, 3_500);
  await scene.stop(node);
  await scene.start(node);
  return {
    did: `node ${node.label} with a clock off by ${step}`,
    idle: errorMs > HALF_HOUR_MS ? undefined : 'its clock was right',
  };
};

/** With SQLite a second process on the same directory must be refused. */
const describeSqlite = async (scene: Scene): Promise<string> => {
  const dir = mkdtempSync(join(tmpdir(), 'jepsen-data-'));
  try {
    await using first = await startService({ env: { DATA_DIR: dir } });
    const { code, stdout } = await runMain([], { DATA_DIR: dir, AUTH: 'off' }, 60_000);
    if (code === null || code === 0 || stdout.includes('"listening"'))
      scene.journal.remark(
        'finding',
        `A second process on the SQLite directory of ${first.url} was not refused: ${code}`,
      );
    return `a second one with SQLite refused with ${code}`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

/** With Redis it may start, and must do no harm. */
const shareDirectory = async (scene: Scene): Promise<Outcome> => {
  const { nodes, journal, random } = scene;
  const [node] = nodes;
  const dataDir = (node.process as { dataDir?: string }).dataDir;
  if (dataDir === undefined) return { did: 'nothing', idle: 'this build has no data directory' };
  const guest = await scene.startGuest({ DATA_DIR: dataDir });
  const asked = { label: 'guest', url: guest.url };
  for (let request = 0; request < GUEST_REQUESTS; request += 1) {
    await journal.history.ask('guest', asked, 'K', 1 + random.below(3));
    await scene.pause(0, 50);
  }
  await guest.stop();
  return { did: `a second process on the directory of ${node.label}; ${await describeSqlite(scene)}` };
};

export const nodeNemeses: readonly Nemesis[] = [
  { name: 'node-killed', about: 'a node killed, a fresh one in its place', backends: EVERYWHERE, run: killNode },
  { name: 'node-paused', about: 'a node frozen for 5 s', backends: EVERYWHERE, run: freezeNode },
  {
    name: 'clock-step',
    about: 'a node with a clock off by an hour (libfaketime)',
    backends: EVERYWHERE,
    run: stepClock,
  },
  {
    name: 'same-data-dir',
    about: 'a second process on the data directory of a node',
    backends: EVERYWHERE,
    run: shareDirectory,
  },
];
