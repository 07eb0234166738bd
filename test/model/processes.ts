/** Plays campaigns in processes of their own: more than one at a time, and of code that was spoilt on purpose. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Campaign, Outcome } from './campaign.ts';

const ROOT = join(import.meta.dirname, '../..');

/** @throws Error with what the process said, when it did not play to the end. */
export const playInProcess = (campaign: Campaign, root = ROOT): Promise<Outcome> =>
  new Promise((resolve, reject) => {
    // Most of what a history makes dies with its next step.
    const args = ['--max-semi-space-size=64', join(root, 'test/model/campaign.ts'), JSON.stringify(campaign)];
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as Outcome);
      else reject(new Error(`the campaign ended with ${code}: ${errors}`));
    });
  });

const addUp = (to: Record<string, number>, from: Readonly<Record<string, number>>): void => {
  for (const [name, times] of Object.entries(from)) to[name] = (to[name] ?? 0) + times;
};

const SUMS = ['histories', 'issued', 'crashed', 'nodes', 'entries', 'questions'] as const;

/** The same with each process playing its share of the histories. */
export const playInProcesses = async (campaign: Campaign, processes: number): Promise<Outcome> => {
  const { firstSeed, histories } = campaign;
  const share = Math.ceil(histories / processes);
  const parts = Array.from({ length: processes }, (_, i) => ({
    ...campaign,
    firstSeed: firstSeed + i * share,
    histories: Math.max(0, Math.min(share, histories - i * share)),
  }));
  const [first, ...others] = await Promise.all(parts.map((part) => playInProcess(part)));
  if (first === undefined) throw new Error('no process');
  for (const other of others) {
    for (const name of SUMS) first[name] += other[name];
    first.seconds = Math.max(first.seconds, other.seconds);
    addUp(first.met, other.met);
    addUp(first.transitions, other.transitions);
    first.failures.push(...other.failures);
  }
  return first;
};

/** A place in a file of `src/` where one text becomes another. */
export interface Spoilt {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A copy of all that a campaign needs, in which some texts are others. @returns where it lies. @throws Error unless each text is there once. */
export const copySpoilt = async (places: readonly Spoilt[]): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'spoilt-'));
  for (const folder of ['src', 'test/model', 'test/support', 'package.json'])
    await cp(join(ROOT, folder), join(root, folder), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  for (const { file, from, to } of places) {
    const path = join(root, 'src', file);
    const text = await readFile(path, 'utf8');
    if (text.split(from).length !== 2) throw new Error(`not exactly once in ${file}: ${from}`);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }
  return root;
};

export const removeSpoilt = (root: string): Promise<void> => rm(root, { recursive: true, force: true });
