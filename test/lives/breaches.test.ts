/** Proof that the lives can fail: each breach planted in a store or in a node is found, by the rule that it breaks. */
import { afterAll, describe, expect, test } from 'vitest';
import { BREACHES } from './breaches.ts';
import { describeFailure, playLives } from './campaign.ts';
import { startServers } from './servers.ts';

const LIVES_MAX = 6_000;

const stops: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(stops.map((stop) => stop())));

describe('the lives find that', () => {
  test.each(BREACHES)('$name', async ({ name, kind, spoil, rule, seed = 1 }) => {
    const servers = await startServers(kind, spoil);
    stops.push(servers.close);
    const { failures, lives } = await playLives({
      open: servers.open,
      firstSeed: seed,
      lives: LIVES_MAX,
      servesGapless: kind === 'sqlite',
      isRemote: kind === 'redis',
      isKnown: (failure) => !rule.test(failure.rule),
      failuresMax: 1,
      shrinks: false,
    });
    console.log(`found after at most ${lives} lives: ${name}`);
    expect(failures.map(describeFailure).join('\n')).toMatch(rule);
  });
});
