/**
 * Proof that the model check can fail: each breach planted in the script or in the node is found. Those that histories meet
 * too rarely are left to the contract tests (`reserve-recovery*.test.ts`, `reserve-merge.test.ts`) and the unit tests of the session,
 * which are red with them.
 */
import { describe, expect, test } from 'vitest';
import { type Breach, MACHINE_BREACHES } from './machine-breaches.ts';
import { copySpoilt, playInProcess, removeSpoilt } from './processes.ts';
import { FIRST_SEEDS } from './scenes.ts';
import { SCRIPT_BREACHES } from './script-breaches.ts';

const HISTORIES_MAX = Number(process.env['BREACH_HISTORIES'] ?? 3_000);

/** Plays the spoilt code until something is found that the code as it is does not do. @returns the first line of what was. */
const search = async ({
  file,
  from,
  to,
  kind = 'none',
  alter = { keyed: true },
  seed = 1,
}: Breach): Promise<string> => {
  const root = await copySpoilt(file === undefined ? [] : [{ file, from, to }]);
  const campaign = { kind, firstSeed: FIRST_SEEDS[kind] + seed, histories: HISTORIES_MAX, alter };
  const replace = file === undefined ? [{ from, to }] : [];
  try {
    const { failures, histories } = await playInProcess({ ...campaign, replace }, root);
    const found = failures[0]?.split('\n')[0];
    if (found === undefined) return `nothing was found in ${histories} histories`;
    const firstSeed = Number(/^seed (\d+): /.exec(found)?.[1]);
    const { failures: others } = await playInProcess({ ...campaign, firstSeed, histories: 1 });
    return others[0] === undefined ? found : `not by the breach: ${others[0]}`;
  } finally {
    await removeSpoilt(root);
  }
};

describe('the model check finds that', () => {
  test.concurrent.each([...SCRIPT_BREACHES, ...MACHINE_BREACHES])('$name', { timeout: 900_000 }, async (breach) => {
    const found = await search(breach);
    console.log(`${breach.name}: ${found}`);
    expect(found).toMatch(/^seed \d+: /);
  });
});
