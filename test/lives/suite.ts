/** Lives on one kind of store: how many, and with which seeds. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CampaignResult, describeFailure, playLives } from './campaign.ts';
import { type Servers, startServers } from './servers.ts';
import type { StoreKind } from './site.ts';

/** What CI plays; `LIVES` asks for more, `LIVES_SEED` for others. */
const LIVES: Readonly<Record<StoreKind, number>> = { memory: 20_000, sqlite: 20_000, redis: 2_000, postgres: 2_000 };

const settingOf = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);

const tell = (kind: StoreKind, { lives, known }: CampaignResult, beganMs: number): void => {
  const met = [...known].map(([rule, count]) => `${rule} ${count}`).join(', ');
  const { user, system } = process.cpuUsage();
  const took = `${Math.round((performance.now() - beganMs) / 1_000)} s, ${Math.round((user + system) / 1e6)} s of a processor`;
  console.log(`${lives} lives on ${kind} in ${took} without servers; deviations that are known: ${met || 'none met'}`);
};

export const describeLives = (kind: StoreKind): void => {
  describe(`random lives of a series on ${kind}`, () => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(kind);
    });
    afterAll(() => servers.close());

    test('are told the same by reports, gaps, readings, previews and states as by all replies they had', async () => {
      const beganMs = performance.now();
      const lives = settingOf('LIVES', LIVES[kind]);
      const result = await playLives({
        open: servers.open,
        firstSeed: settingOf('LIVES_SEED', 1),
        lives,
        servesGapless: kind === 'sqlite' || kind === 'postgres',
        isRemote: kind === 'redis' || kind === 'postgres',
      });
      tell(kind, result, beganMs);
      expect(result.failures.map(describeFailure).join('\n\n')).toBe('');
      expect(result.lives).toBe(lives);
    });
  });
};
