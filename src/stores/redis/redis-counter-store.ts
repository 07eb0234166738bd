/** Counters in Redis: `reserve.lua` moves them, for all sequences of a call in one trip. */

import type { CounterCall } from '../../core/counter/counter-call.ts';
import type { FenceOperations } from '../../core/counter/counter-fence.ts';
import type { AheadRange, CounterStore, SequenceState } from '../../core/counter/counter-store.ts';
import { CorruptEntryError } from '../../core/errors.ts';
import { type SequenceId, sequenceOf } from '../../core/values/sequence-id.ts';
import { parseValue } from '../../core/values/value.ts';
import { decodeClosure, encodeClosure } from './codecs/closure-codec.ts';
import {
  decodeAccount,
  decodeInstallReply,
  decodeRaiseReply,
  decodeReportReply,
  encodeAccountRequest,
  encodeInstall,
  encodeMove,
  encodeReport,
} from './codecs/fence-codec.ts';
import { readHolder } from './codecs/gap-record.ts';
import type { RedisKeys } from './codecs/redis-keys.ts';
import {
  decodeAdvance,
  decodeReceipt,
  decodeReply,
  encodeAdvance,
  encodeCall,
  isVoidReceipt,
} from './codecs/reserve-codec.ts';
import { type RedisClient, translated } from './connection/redis-client.ts';
import type { RedisScript, ScriptEntry } from './connection/redis-commands.ts';
import {
  createRedisScript,
  loadRedisScript,
  runRedisEntries,
  runRedisScript,
  runRedisScriptConfirmed,
} from './connection/redis-script.ts';
import { listGapRecord } from './gap-listing.ts';
import { createRedisClaim } from './redis-claim.ts';
import { createRedisProbe } from './redis-probe.ts';

/** Reads `first:last:holder …`, as `reserve.lua` keeps ranges. */
const readRanges = (text: string | null | undefined): AheadRange[] =>
  (text ?? '')
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => {
      const [first = '', last = '', holder = '-'] = word.split(':');
      return { first: BigInt(first), last: BigInt(last), node: readHolder(holder) };
    });

/** Where nobody keeps ceilings and accounts, epochs are times: see `lua/reserve/plan.lua`. */
const FIRST_TIME = 1_000_000_000_000n;

/** @param fence as the script writes it: "SERVER EPOCH CEILING". Another server than the one that answers is one that was restarted. */
const readStanding = (
  fence: string | null | undefined,
  server: string | null | undefined,
  isRecordLost: boolean,
): Pick<SequenceState, 'recovering' | 'epoch'> => {
  if (fence === null || fence === undefined) return { recovering: false };
  const [who, epochText = ''] = fence.split(' ');
  const epoch = parseValue(epochText);
  const comesBack = isRecordLost && epoch !== undefined && epoch < FIRST_TIME;
  return { recovering: who !== server || comesBack, epoch };
};

/** How long a replica may take to confirm a ceiling, ms. */
const CONFIRM_TIMEOUT_MS = 500;

interface Entries {
  keysOf(sequence: SequenceId): string[];
  entryOf(sequence: SequenceId, arg: string): ScriptEntry;
  entryOfCall(call: CounterCall): ScriptEntry;
}

const entriesWith = (names: RedisKeys): Entries => {
  const keysOf = (sequence: SequenceId): string[] => {
    const { counter, state, gaps } = names.ofSequence(sequence);
    return [counter, state, gaps];
  };
  return {
    keysOf,
    entryOf: (sequence, arg) => ({ keys: keysOf(sequence), arg }),
    entryOfCall: (call) => {
      const { sequence, receipt } = call;
      const extraKey = receipt && names.receipt(sequence.series, receipt.hash);
      return { keys: keysOf(sequence), extraKey, arg: encodeCall(call) };
    },
  };
};

type RunEntries = (entries: readonly ScriptEntry[]) => Promise<readonly string[]>;

const createFenceOperations = (
  run: RunEntries,
  { commands, subscriber, names }: Connections,
  { keysOf, entryOf }: Entries,
  script: RedisScript,
): FenceOperations => ({
  report: (reports) =>
    translated(async () =>
      (await run(reports.map((report) => entryOf(report.sequence, encodeReport(report))))).map(decodeReportReply),
    ),
  install: (install) =>
    translated(async () => {
      const [reply = ''] = await run([entryOf(install.sequence, encodeInstall(install))]);
      return decodeInstallReply(reply);
    }),
  raiseMany: (moves) =>
    translated(async () =>
      (await run(moves.map((move) => entryOf(move.sequence, encodeMove('raise', move))))).map(decodeRaiseReply),
    ),
  propose: (move) =>
    translated(async () => {
      const { replicas } = await runRedisScriptConfirmed(
        commands,
        script,
        keysOf(move.sequence),
        [encodeMove('propose', move)],
        CONFIRM_TIMEOUT_MS,
      );
      return replicas > 0;
    }),
  accountMany: (sequences, epochs) =>
    translated(async () =>
      (await run(sequences.map((sequence, index) => entryOf(sequence, encodeAccountRequest(epochs?.[index]))))).map(
        decodeAccount,
      ),
    ),
  onRecovery: (listener) => {
    if (subscriber === undefined) return;
    subscriber.on('message', (channel: string, key: string) => {
      const sequence = channel === names.sequencesRecoveringChannel ? names.sequenceOfCounter(key) : undefined;
      if (sequence !== undefined) listener(sequence);
    });
    const subscribe = (): void => {
      // When it breaks again, the next `ready` brings us back here.
      subscriber.subscribe(names.sequencesRecoveringChannel).catch(() => undefined);
    };
    subscriber.on('ready', subscribe);
    if (subscriber.status === 'ready') subscribe();
  },
});

type Connections = Pick<RedisClient, 'commands' | 'names'> & Partial<Pick<RedisClient, 'subscriber'>>;

/** The script for one database: it publishes on a channel of that one. */
const scriptFor = (script: RedisScript, { channelSuffix }: RedisKeys): RedisScript =>
  channelSuffix === ''
    ? script
    : createRedisScript(script.lua.replace("'sequences:recovering'", `'sequences:recovering${channelSuffix}'`));

/** @param loaded `reserve.lua`; tests hand in altered ones. */
export const createRedisCounterStore = (
  connections: Connections,
  loaded: RedisScript = loadRedisScript('reserve'),
): CounterStore => {
  const { commands, names } = connections;
  const script = scriptFor(loaded, names);
  const entries = entriesWith(names);
  const inspectScript = loadRedisScript('inspect-sequence');
  const run: RunEntries = async (entries) => {
    if (entries.length === 0) return [];
    const replies = await runRedisEntries(commands, script, entries);
    const failure = replies.find((reply) => reply instanceof Error);
    if (failure !== undefined) throw failure;
    return replies as readonly string[];
  };

  return {
    source: 'redis',

    fence: createFenceOperations(run, connections, entries, script),

    reserve: (calls) => translated(async () => (await run(calls.map(entries.entryOfCall))).map(decodeReply)),

    claim: createRedisClaim(connections),

    advance: (request) =>
      translated(async () => {
        const [reply = ''] = await run([entries.entryOf(request.sequence, encodeAdvance(request))]);
        return decodeAdvance(reply);
      }),

    close: (sequence, closure) =>
      translated(async () => {
        const { state } = names.ofSequence(sequence);
        await commands.hsetnx(state, 'closed', encodeClosure(closure));
        return decodeClosure(await commands.hget(state, 'closed')) ?? closure;
      }),

    inspect: (sequence) =>
      translated(async () => {
        const { counter, state, gaps } = names.ofSequence(sequence);
        const answer = await runRedisScript(commands, inspectScript, [counter, state, gaps], []);
        const [text, copy, ahead, free, origin, changes, fence, closed, record, server, reason] = answer as (
          | string
          | null
        )[];
        if (reason) throw new CorruptEntryError(sequence.series.prefixKey, `${state}: ${reason}`);
        const stored = copy ?? text ?? undefined;
        const value = stored === undefined ? undefined : parseValue(stored);
        if (stored !== undefined && value === undefined) {
          throw new CorruptEntryError(sequence.series.prefixKey, `${counter}: not a value`);
        }
        return {
          value,
          origin: parseValue(origin ?? ''),
          free: readRanges(free).map(({ first, last }) => ({ first, last })),
          ahead: readRanges(ahead),
          // Of one server in one epoch: another one counts its changes from elsewhere.
          closed: decodeClosure(closed),
          ...readStanding(fence, server, record === 'lost'),
          changes: `${(fence ?? '').replace(/ [0-9]+$/, '')} ${changes ?? 0}`,
        };
      }),

    listGaps: (sequence, after, limit) =>
      translated(() => listGapRecord(commands, names.ofSequence(sequence).gaps, after, limit)),

    countGaps: (sequence) => translated(async () => Number(await commands.hlen(names.ofSequence(sequence).gaps))),

    findReceipt: (series, hash) =>
      translated(async () => {
        const text = await commands.get(names.receipt(series, hash));
        if (text === null) return undefined;
        const receipt = decodeReceipt(text);
        const { state } = names.ofSequence(sequenceOf(series, receipt.period));
        return isVoidReceipt(text, await commands.hget(state, 'receipts')) ? undefined : receipt;
      }),

    checkHealth: createRedisProbe(connections),

    onReachable: (listener) => {
      commands.on('ready', listener);
    },
  };
};
