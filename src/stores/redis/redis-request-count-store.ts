/** How often each client has asked, added up in Redis on connections of its own, so that it never stands before a call that takes numbers. */
import { hash } from 'node:crypto';
import type { RequestCountStore } from '../../core/access/request-count-store.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisEntries } from './connection/redis-script.ts';

export const createRedisRequestCountStore = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): RequestCountStore => {
  const script = loadRedisScript('count-requests');
  return {
    add: (clients) =>
      translated(async () => {
        const entries = clients.map(({ name, count }) => ({
          // Hashed: names of people and addresses have no place in keys.
          keys: [names.requestCount(hash('sha256', name))],
          arg: String(count),
        }));
        const replies = await runRedisEntries(commands, script, entries);
        return replies.map((reply) => {
          if (reply instanceof Error) return undefined;
          const [total, leftMs] = reply.split(' ');
          return { total: Number(total), leftMs: Number(leftMs) };
        });
      }),
  };
};
