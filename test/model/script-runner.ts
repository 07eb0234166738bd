/** Runs the entries of many histories through the real script on a real Redis: all that wait travel in one call. */
import { setImmediate } from 'node:timers';
import type { Redis } from 'ioredis';
import type { SequenceKeys } from '../../src/stores/redis/codecs/redis-keys.ts';

/** What Redis keeps for one sequence, as it stands. */
export interface Stored {
  readonly counter: string | null;
  readonly state: ReadonlyMap<string, string>;
  readonly gaps: ReadonlyMap<string, string>;
  /** By the name of the idempotency key. */
  readonly receipts: ReadonlyMap<string, string>;
}

/** The idempotency keys that the clients of a history use. */
export const KEY_NAMES: readonly string[] = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'];

/** Where the receipt of a key lies, beside a sequence. */
export const receiptBeside = ({ state }: SequenceKeys, name: string): string =>
  `${state.slice(0, state.indexOf('}') + 1)}:receipt:${name}`;

export interface ScriptRunner {
  /** @param receipt the key of the receipt, of an entry of the kind once. */
  run(stage: Stage, keys: SequenceKeys, entry: string, receipt?: string): Promise<string>;
  read(keys: SequenceKeys): Promise<Stored>;
  /** Puts an earlier state in the place of the present one; nothing at all when it is undefined. */
  write(keys: SequenceKeys, stored: Stored | undefined): Promise<void>;
  /** Removes a finished sequence. */
  drop(keys: SequenceKeys): Promise<void>;
  readonly entriesRun: number;
}

interface Waiting {
  readonly keys: SequenceKeys;
  readonly entry: string;
  readonly receipt?: string | undefined;
  readonly resolve: (reply: string) => void;
  readonly reject: (error: unknown) => void;
}

const ENTRIES_MAX = 256;
// Neighbours that cannot be served, one in every call: they must be refused alone.
const POISON: readonly (readonly [SequenceKeys, string])[] = [
  [{ counter: 'poison:list', state: 'poison:s1', gaps: 'poison:g1' }, 'pp 1 join 1 0 99 5 - 0 0 0 100'],
  [{ counter: 'poison:text', state: 'poison:s2', gaps: 'poison:g2' }, 'pp 0 report 0 0 0 0 - 0 0 1 0'],
  [{ counter: 'poison:c3', state: 'poison:list', gaps: 'poison:g3' }, 'pp 1 join 1 0 99 5 - 0 0 0 100'],
  [{ counter: 'poison:c4', state: 'poison:s4', gaps: 'poison:g4' }, 'pp 1 join'],
];

const preparePoison = async (redis: Redis): Promise<void> => {
  await redis.del('poison:list');
  await redis.rpush('poison:list', 'x');
  await redis.set('poison:text', '12a');
};

// Redis keeps no order in a large hash.
const sorted = (hash: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(hash).sort(([a], [b]) => (a < b ? -1 : 1)));

const receiptsBeside = (keys: SequenceKeys): string[] => KEY_NAMES.map((name) => receiptBeside(keys, name));

/** The server that an entry is meant for, and its clock: neither the real server's identity nor its time plays a part. */
export interface Stage {
  readonly identity: string;
  readonly nowMs: number;
}

/** Virtual time begins here, so that times have as many digits as in production, s. */
const EPOCH_SECONDS = 1_700_000_000;

const stagedEntry = ({ identity, nowMs }: Stage, entry: string): string =>
  `@${EPOCH_SECONDS * 1_000_000 + Math.round(nowMs * 1_000)}:${identity} ${entry}`;

const SERVE = 'local function serve(i)\n';
const STAGED = `${SERVE}
  local _micros, _who, _entry = match(ARGV[i], '^@(%d+):(%S+) (.*)$')
  nowMicros, identity, ARGV[i] = tonumber(_micros), _who, _entry
  now = format('%.0f', floor(nowMicros / 1000000))
`;

const POISON_STAGE: Stage = { identity: 'poison', nowMs: 0 };

/** @param script `reserve.lua`; each entry says itself which server it is for, and when it is served. */
export const createScriptRunner = async (redis: Redis, script: string): Promise<ScriptRunner> => {
  await preparePoison(redis);
  if (script.split(SERVE).length !== 2) throw new Error('reserve.lua serves an entry in another way than expected');
  const sha = (await redis.script(
    'LOAD',
    script.replace(SERVE, () => STAGED),
  )) as string;
  let waiting: Waiting[] = [];
  let scheduled = false;
  let entriesRun = 0;
  let calls = 0;

  const send = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const at = calls % batch.length;
      const [poisonKeys, poisonEntry] = POISON[calls++ % POISON.length] ?? [];
      if (!poisonKeys || !poisonEntry) throw new Error('no poison');
      const all = [
        ...batch.slice(0, at),
        { keys: poisonKeys, entry: stagedEntry(POISON_STAGE, poisonEntry) },
        ...batch.slice(at),
      ];
      const keys = all.flatMap(({ keys: { counter, state, gaps } }) => [counter, state, gaps]);
      for (const { receipt } of batch) if (receipt !== undefined) keys.push(receipt);
      const replies = (await redis.evalsha(sha, keys.length, ...keys, ...all.map(({ entry }) => entry))) as string[];
      const [refused] = replies.splice(at, 1);
      if (!refused?.startsWith('corrupt ')) throw new Error(`poison was served: ${refused}`);
      entriesRun += batch.length;
      batch.forEach(({ resolve }, i) => {
        resolve(replies[i] ?? '');
      });
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const flush = (): void => {
    scheduled = false;
    const all = waiting;
    waiting = [];
    for (let i = 0; i < all.length; i += ENTRIES_MAX) void send(all.slice(i, i + ENTRIES_MAX));
  };

  return {
    run: (stage, keys, entry, receipt) =>
      new Promise((resolve, reject) => {
        waiting.push({ keys, entry: stagedEntry(stage, entry), receipt, resolve, reject });
        if (scheduled) return;
        scheduled = true;
        setImmediate(flush);
      }),
    read: async (keys) => {
      const [value, fields, records, texts] = await Promise.all([
        redis.get(keys.counter),
        redis.hgetall(keys.state),
        redis.hgetall(keys.gaps),
        redis.mget(receiptsBeside(keys)),
      ]);
      const receipts = new Map(KEY_NAMES.flatMap((name, i) => (texts[i] ? [[name, texts[i]] as const] : [])));
      return { counter: value, state: sorted(fields), gaps: sorted(records), receipts };
    },
    write: async (keys, stored) => {
      const { counter, state, gaps } = keys;
      const transaction = redis.multi().del(counter, state, gaps, ...receiptsBeside(keys));
      for (const [name, text] of stored?.receipts ?? []) transaction.set(receiptBeside(keys, name), text);
      if (stored?.counter) transaction.set(counter, stored.counter);
      if (stored?.state.size) transaction.hset(state, stored.state);
      if (stored?.gaps.size) transaction.hset(gaps, stored.gaps);
      await transaction.exec();
    },
    drop: async (keys) => {
      const { counter, state, gaps } = keys;
      await redis.unlink(counter, state, gaps, ...receiptsBeside(keys));
    },
    get entriesRun() {
      return entriesRun;
    },
  };
};
