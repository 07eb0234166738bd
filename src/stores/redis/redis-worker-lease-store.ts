/** Worker leases in Redis: one hash, one script per command, the server's clock. */
import { WORKER_MAX } from '../../core/snowflake/snowflake.ts';
import { WORKER_BOUND_MS, WORKER_LEASE_MS, type WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

/**
 * @param random from 0 to 1: where the search for a free id begins. Not at 0, so that a server that was emptied does not
 * lease at once what is still in use.
 */
export const createRedisWorkerLeaseStore = (
  { commands, names }: RedisClient,
  random: () => number,
): WorkerLeaseStore => {
  const scripts = {
    lease: loadRedisScript('lease-worker'),
    renew: loadRedisScript('renew-worker'),
    release: loadRedisScript('release-worker'),
  };
  const run = (name: keyof typeof scripts, args: readonly (string | number)[]): Promise<string> =>
    translated(async () => String(await runRedisScript(commands, scripts[name], [names.workers], args.map(String))));

  return {
    acquire: async (dataCentre, holder, nowMs) => {
      const start = Math.floor(random() * (WORKER_MAX + 1));
      const lease = [dataCentre, holder, nowMs, WORKER_LEASE_MS, WORKER_BOUND_MS, start, WORKER_MAX];
      const [worker, boundMs] = (await run('lease', lease)).split(' ');
      return boundMs === undefined ? undefined : { worker: Number(worker), boundMs: Number(boundMs) };
    },
    renew: async (dataCentre, worker, holder, atMs) => {
      const bound = await run('renew', [dataCentre, worker, holder, atMs, WORKER_LEASE_MS, WORKER_BOUND_MS]);
      return bound === '' ? undefined : Number(bound);
    },
    release: async (dataCentre, worker, holder, lastMs) => {
      await run('release', [dataCentre, worker, holder, lastMs]);
    },
  };
};
