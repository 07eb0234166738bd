/** The order of a run: calm, a nemesis, its repair, calm again; each nemesis once, then again until the time is over. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../model/random.ts';
import { ServiceFailure } from './cluster.ts';
import type { Nemesis, Scene } from './nemesis.ts';
import type { RunOptions } from './options.ts';
import { settle } from './settle.ts';
import { seconds } from './timeline.ts';

const CALM_MS = { from: 500, to: 2_500 };
const NEW_BACKUP_CHANCE = 0.25;
/** Replies that are on their way when everything works again belong to the nemesis. */
const ECHO_MS = 200;
const FAILURES_MAX = 2;

/** Takes a line of progress. */
export type Print = (line: string) => void;

const shuffle = <T>(items: readonly T[], random: Random): T[] => {
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.below(rest.length), 1));
};

/** @returns whether the service recovered. */
const runNemesis = async (nemesis: Nemesis, scene: Scene, print: Print): Promise<boolean> => {
  const { journal } = scene;
  const fromMs = performance.now();
  const { did, idle } = await nemesis.run(scene).catch((error: unknown) => {
    const healedMs = performance.now();
    journal.window({ name: nemesis.name, fromMs, healedMs, toMs: healedMs, did: `broke off: ${error}` });
    throw error;
  });
  const healedMs = performance.now();
  const recoveryMs = await settle(scene, healedMs);
  await delay(ECHO_MS);
  journal.window({
    name: nemesis.name,
    fromMs,
    healedMs,
    toMs: performance.now(),
    did,
    ...(idle !== undefined && { idle }),
    ...(recoveryMs !== undefined && { recoveryMs }),
  });
  const recovery = recoveryMs === undefined ? 'NOT RECOVERED' : `recovered in ${Math.round(recoveryMs)} ms`;
  const idleNote = idle === undefined ? '' : ` IDLE: ${idle};`;
  print(
    `[${seconds(fromMs)}] ${nemesis.name}: ${did};${idleNote} ${recovery}; requests ${journal.requests}, duplicates ${journal.duplicates}`,
  );
  return recoveryMs !== undefined;
};

export const runNemeses = async (
  options: RunOptions,
  scene: Scene,
  renewBackup: () => Promise<void>,
  print: Print,
): Promise<void> => {
  const endMs = performance.now() + options.minutes * 60_000;
  let failures = 0;
  for (let round = 0; ; round += 1) {
    for (const nemesis of shuffle(options.nemeses, scene.random)) {
      if (round > 0 && performance.now() >= endMs) return;
      await scene.pause(CALM_MS.from, CALM_MS.to);
      failures = (await runNemesis(nemesis, scene, print)) ? 0 : failures + 1;
      // What comes after would only hide the cause.
      if (failures === FAILURES_MAX) throw new ServiceFailure('The run was ended: the service does not recover.');
      if (scene.random.chance(NEW_BACKUP_CHANCE)) await renewBackup();
    }
    if (options.nemeses.length === 0 || performance.now() >= endMs) return;
  }
};
