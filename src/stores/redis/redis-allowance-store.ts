/** What clients may have in a day, counted in Redis for all nodes. */
import type { AllowanceStore } from '../../core/allowance/allowance-store.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

export const createRedisAllowanceStore = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): AllowanceStore => {
  const script = loadRedisScript('spend-allowance');
  return {
    spend: (name, max) =>
      translated(async () => Number(await runRedisScript(commands, script, [names.keyAllowance(name)], [`${max}`]))),
  };
};
