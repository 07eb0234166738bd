/** Temporary numbers in Redis: one hash, the number → JSON. */
import { z } from 'zod';
import type { TemporaryNumber, TemporaryNumberStore } from '../../core/counter/temporary-number-store.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

/** Commands under way at the same time when a node hands over what it kept. */
const ADDED_AT_ONCE_MAX = 500;

const entrySchema = z.object({
  prefix_key: z.string(),
  issued_at_ms: z.number(),
  dated_ms: z.number().optional(),
  variables: z.record(z.string(), z.string()).optional(),
  resolved_number: z.string().optional(),
});

const encode = ({ prefixKey, issuedAtMs, datedMs, variables, resolvedNumber }: TemporaryNumber): string =>
  JSON.stringify({
    prefix_key: prefixKey,
    issued_at_ms: issuedAtMs,
    dated_ms: datedMs,
    variables,
    resolved_number: resolvedNumber,
  });

const decode = (number: string, json: string): TemporaryNumber => {
  const entry = entrySchema.parse(JSON.parse(json));
  return {
    number,
    prefixKey: entry.prefix_key,
    issuedAtMs: entry.issued_at_ms,
    datedMs: entry.dated_ms,
    variables: entry.variables,
    resolvedNumber: entry.resolved_number,
  };
};

export const createRedisTemporaryNumberStore = ({ commands, names }: RedisClient): TemporaryNumberStore => {
  const script = loadRedisScript('resolve-temporary');
  const read = (number: string): Promise<string | null> => commands.hget(names.temporaryNumbers, number);

  return {
    add: (numbers) =>
      translated(async () => {
        for (let from = 0; from < numbers.length; from += ADDED_AT_ONCE_MAX) {
          const some = numbers.slice(from, from + ADDED_AT_ONCE_MAX);
          await Promise.all(some.map((entry) => commands.hsetnx(names.temporaryNumbers, entry.number, encode(entry))));
        }
      }),

    find: (number) =>
      translated(async () => {
        const json = await read(number);
        return json === null ? undefined : decode(number, json);
      }),

    list: (after, limit) =>
      translated(async () => {
        const page = (await commands.hkeys(names.temporaryNumbers))
          .filter((number) => number > after)
          .sort()
          .slice(0, limit);
        if (page.length === 0) return [];
        const entries = await commands.hmget(names.temporaryNumbers, ...page);
        return page.flatMap((number, index) => {
          const json = entries[index];
          return json === null || json === undefined ? [] : [decode(number, json)];
        });
      }),

    resolve: (number, resolvedNumber) =>
      translated(async () => {
        const before = await read(number);
        if (before === null) return false;
        const entry = decode(number, before);
        if (entry.resolvedNumber !== undefined) return false;
        // What a later version has added is kept.
        const after = JSON.stringify({ ...JSON.parse(before), resolved_number: resolvedNumber });
        const written = await runRedisScript(commands, script, [names.temporaryNumbers], [number, before, after]);
        return String(written) === '1';
      }),
  };
};
