/** Whether Redis can serve: it answers, and it takes writes, without which no number can be given. */
import { StorageUnavailableError } from '../../core/errors.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import { loadRedisScript, runRedisScript } from './connection/redis-script.ts';

/** A write that succeeded counts for so long: whoever asks for /health over and over makes no more than this. */
const WRITE_EVERY_MS = 1_000;
/** In a cluster: enough keys that each master has one. */
const SLOTS_TRIED = 64;

/** Why writes are refused, by the first word of what the server says. */
const REASONS: Readonly<Record<string, string>> = {
  OOM: 'its memory is full (maxmemory)',
  MISCONF: 'it cannot save to its disk',
  NOREPLICAS: 'it has fewer replicas than min-replicas-to-write asks for',
  READONLY: 'it is a replica',
  NOPERM: 'our user may not write',
};

const explained = (error: unknown): unknown => {
  const reason = error instanceof Error ? REASONS[error.message.split(' ', 1)[0] ?? ''] : undefined;
  return reason === undefined ? error : new StorageUnavailableError(`Redis takes no writes: ${reason}.`, error);
};

/** @returns `checkHealth` of CounterStore. */
export const createRedisProbe = ({
  commands,
  names,
}: Pick<RedisClient, 'commands' | 'names'>): (() => Promise<void>) => {
  const script = loadRedisScript('try-write');
  let writtenMs = Number.NEGATIVE_INFINITY;

  /** One key; in a cluster one of each master that can be reached. */
  const keys = (): string[] => {
    const all = Array.from({ length: SLOTS_TRIED }, (_, slot) => names.probe(slot));
    const [first = ''] = all;
    if (commands.serverOf === undefined) return [first];
    const ofServer = new Map<unknown, string>();
    for (const key of all) {
      try {
        ofServer.set(commands.serverOf(key), key);
      } catch {
        // Nobody owns it now: that its sequences are refused says nothing of the others.
      }
    }
    return ofServer.size === 0 ? [first] : [...ofServer.values()];
  };

  return () =>
    translated(async () => {
      await commands.ping();
      if (performance.now() - writtenMs < WRITE_EVERY_MS) return;
      try {
        // One master that takes writes will do: the others' sequences are their own affair.
        await Promise.any(keys().map((key) => runRedisScript(commands, script, [key], [])));
      } catch (error) {
        throw explained(error instanceof AggregateError ? error.errors[0] : error);
      }
      writtenMs = performance.now();
    });
};
