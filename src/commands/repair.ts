/** The command `repair`: opens its stores and prints what it does. */
import { type EventEmitter, once } from 'node:events';
import type { Settings } from '../config/settings.ts';
import { counted } from '../core/counted.ts';
import { createRepairService } from '../services/repair/repair-service.ts';
import { createPostgresCeilingRepair } from '../stores/postgres/postgres-ceiling-repair.ts';
import { createPostgresClient } from '../stores/postgres/postgres-client.ts';
import { createPostgresLedgerMarks } from '../stores/postgres/postgres-ledger-marks.ts';
import { createPostgresPrefixConfigCopy } from '../stores/postgres/postgres-prefix-config-copy.ts';
import { createRedisClient } from '../stores/redis/create-redis-client.ts';
import { createRedisKnownMarkStore } from '../stores/redis/redis-known-mark-store.ts';
import { createRedisPrefixConfigStore } from '../stores/redis/redis-prefix-config-store.ts';
import { createRedisServedSequences } from '../stores/redis/redis-served-sequences.ts';

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
};

/**
 * Moves PostgreSQL forward to what Redis serves; without `change` it only prints what it would do.
 * @throws Error with a sentence for the operator when a store is not set or cannot be reached.
 */
export const repair = async (settings: Settings, change: boolean, say: (line: string) => void): Promise<void> => {
  const { redis: target, redisTimeoutMs, databaseUrl, databaseTimeoutMs } = settings;
  if (target === undefined || databaseUrl === undefined) {
    throw new Error('The repair compares Redis and PostgreSQL: set REDIS_URL and DATABASE_URL as for the service.');
  }
  const redis = createRedisClient(target, redisTimeoutMs, () => undefined, settings.redisKeyPrefix);
  const postgres = createPostgresClient(databaseUrl, databaseTimeoutMs, () => undefined);
  try {
    if (redis.commands.status !== 'ready') await once(redis.commands as unknown as EventEmitter, 'ready');
    const service = createRepairService({
      served: createRedisServedSequences(redis),
      ceilings: createPostgresCeilingRepair(postgres),
      live: createRedisPrefixConfigStore(redis),
      copy: createPostgresPrefixConfigCopy(postgres),
      knownMarks: createRedisKnownMarkStore(redis),
      storedMarks: createPostgresLedgerMarks(postgres),
    });
    const { sequences, sequencesBehind, configsBehind, ledgersBehind, ledgersToAdvance } = await service.run(
      change,
      say,
    );
    const ledgers = ledgersBehind === 0 ? '' : ` ${counted(ledgersBehind, 'gapless sequence')} went back.`;
    const found = `${counted(sequences, 'sequence')} in Redis, ${sequencesBehind} behind in PostgreSQL; ${counted(configsBehind, 'prefix config')} behind.${ledgers}`;
    if (sequencesBehind + configsBehind + ledgersBehind === 0) say(`${found} Nothing to do.`);
    else if (!change) say(`${found} Nothing was changed: repeat with --yes to move them forward.`);
    else if (ledgersToAdvance === 0) say(`${found} All moved forward.`);
    else {
      say(
        `${found} ${ledgersToAdvance} of those have to be advanced past every number that was issued (POST /api/sequences/…/advance); then repeat.`,
      );
    }
  } catch (error) {
    throw new Error(`The repair could not be finished, and may be repeated: ${reasonOf(error)}`, { cause: error });
  } finally {
    await Promise.all([redis.close(), postgres.close()]);
  }
};
