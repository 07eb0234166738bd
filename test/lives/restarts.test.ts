/** Lives on real processes: the service is stopped, killed and started again, and so are Redis and PostgreSQL. */
import { describe, expect, test } from 'vitest';
import { describeFailure, playLives } from './campaign.ts';
import { openProcessSite } from './process-site.ts';
import { planRestarts } from './steps.ts';

const settingOf = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
/** Lives on each kind of store; `RESTARTED_LIVES` asks for more. */
const LIVES = 50;

describe('random lives of a series, with processes that are restarted and killed', () => {
  test.concurrent.each(['sqlite', 'redis', 'postgres'] as const)(
    'are told the same by all views on %s',
    async (kind) => {
      const lives = settingOf('RESTARTED_LIVES', LIVES);
      const result = await playLives({
        open: () => openProcessSite(kind),
        firstSeed: settingOf('LIVES_SEED', 0),
        lives,
        servesGapless: kind !== 'redis',
        isRemote: kind !== 'sqlite',
        planEvents: planRestarts,
        shrinks: false,
      });
      const met = [...result.known].map(([rule, count]) => `${rule} ${count}`).join(', ');
      console.log(`${result.lives} lives with restarts on ${kind}; deviations that are known: ${met || 'none met'}`);
      expect(result.failures.map(describeFailure).join('\n\n')).toBe('');
      expect(result.lives).toBe(lives);
    },
  );
});
