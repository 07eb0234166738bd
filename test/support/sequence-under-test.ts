/** A sequence in a test's Redis, spoken to in single calls, as the contract tests of `reserve.lua` need it. */
import { beforeEach } from 'vitest';
import type { SequenceAccount } from '../../src/core/ceiling/ceiling-store.ts';
import type {
  AdvanceReply,
  CounterCall,
  CounterReply,
  Fence,
  StandbyAdvice,
  StandbySegment,
} from '../../src/core/counter/counter-call.ts';
import type {
  CounterInstall,
  CounterReport,
  FenceOperations,
  RecoveryName,
  ReportReply,
} from '../../src/core/counter/counter-fence.ts';
import type { CounterStore } from '../../src/core/counter/counter-store.ts';
import type { Range } from '../../src/core/values/range.ts';
import { sequenceOf, seriesOf } from '../../src/core/values/sequence-id.ts';
import { VALUE_MAX } from '../../src/core/values/value.ts';
import { type OwnRedis, startOwnRedis } from './own-redis.ts';
import { createReserveStore } from './reserve-script.ts';
import { sharedByTests } from './shared-by-tests.ts';

export const INV = sequenceOf(seriesOf('INV'), '');
export const STATE = '{sequence:INV}:state';
export const GAPS = '{sequence:INV}:gaps';
const COUNTER = 'sequence:INV';
const WINDOW = 10_000;

/** A first call of `node-a` for one value, but for `parts`. */
export const call = (parts: Partial<CounterCall> = {}): CounterCall => ({
  sequence: INV,
  node: 'node-a',
  call: 1,
  kind: 'join',
  count: 1,
  initialSeq: 0n,
  limit: VALUE_MAX,
  standbySize: 5,
  epoch: 0n,
  window: WINDOW,
  reissued: false,
  holding: undefined,
  usedInPart: false,
  released: [],
  returned: [],
  seen: 0n,
  ...parts,
});

/** What `node-a` reports before its first call, all earlier epochs sworn off, but for `parts`. */
export const report = (parts: Partial<CounterReport> = {}): CounterReport => {
  const { settled = 0, seen = 0n, holding, taken = [] } = parts;
  let top = seen;
  for (const { last } of [...taken, ...(holding ? [holding] : [])]) if (last > top) top = last;
  return {
    sequence: INV,
    node: 'node-a',
    settled,
    settledEpoch: 0n,
    // Whatever the store has served beyond what is settled, it is of this call.
    pending: settled + 1,
    epoch: 1n,
    sworn: true,
    recovery: undefined,
    seen,
    holding,
    top,
    // Unless the test says otherwise, the latest of it was brought by a numbered call.
    last: taken.at(-1),
    taken,
    brief: false,
    initialSeq: 0n,
    window: WINDOW,
    ...parts,
  };
};

export const range = (first: bigint, last: bigint): Range => ({ first, last });
export const segment = (first: bigint, last: bigint, offeredIn: number): StandbySegment => ({ first, last, offeredIn });
export const keep: StandbyAdvice = { kind: 'keep' };
export const offer = (first: bigint, last: bigint, offeredIn: number): StandbyAdvice => ({
  kind: 'offer',
  segment: segment(first, last, offeredIn),
});

/** A reply as stores without a fence give it. */
export const withoutFence = ({ fence: _, ...answer }: CounterReply): CounterReply => answer;

export interface SequenceUnderTest {
  readonly redis: OwnRedis;
  readonly store: CounterStore;
  readonly operations: FenceOperations;
  /** What the store said last of its fence, in a reply or by an install. */
  readonly fence: Fence;
  /** Sends a call in the epoch of `fence`, a join in none. @returns the reply without its fence. */
  send(parts: Partial<CounterCall>): Promise<CounterReply>;
  sendB(parts: Partial<CounterCall>): Promise<CounterReply>;
  advance(to: bigint, operation?: string, limit?: bigint): Promise<AdvanceReply>;
  /**
   * Reports what was settled in the epoch of `fence`, for the epoch after it; once more when the store names its recovery,
   * but with `recovery` just once.
   */
  report(parts?: Partial<CounterReport>): Promise<ReportReply>;
  /** Ends the recovery that was named last. */
  install(parts?: Partial<CounterInstall>): Promise<boolean>;
  /** @returns undefined when the sequence is not served. */
  account(): Promise<SequenceAccount | undefined>;
  /** Counts on after a value an operator has set. */
  preload(value: bigint): Promise<void>;
  /** Another server has taken over, with all that this one knew. */
  replaceServer(): Promise<void>;
  /** Keeps what the server knows now. @returns what puts that back, as another server's that has lost what came after. */
  remember(): Promise<() => Promise<void>>;
  /** Counter, state and gap record. */
  snapshot(): Promise<readonly unknown[]>;
  /** "first-last reason holder" of each gap, sorted. */
  gaps(): Promise<readonly string[]>;
}

export const startSequenceUnderTest = async (script?: string, own?: OwnRedis): Promise<SequenceUnderTest> => {
  const redis = own ?? (await startOwnRedis());
  const { client } = redis;
  const store = createReserveStore(client, script);
  const { fence: operations } = store;
  if (!operations) throw new Error('the store has no fence');
  let fence: Fence = { epoch: 0n, ceiling: 0n, wanted: 0n };
  let recovery: RecoveryName | undefined;

  const send = async (parts: Partial<CounterCall>): Promise<CounterReply> => {
    const epoch = (parts.kind ?? 'join') === 'join' ? 0n : fence.epoch;
    const [reply] = await store.reserve([call({ epoch, ...parts })]);
    if (!reply) throw new Error('no reply');
    fence = reply.fence ?? fence;
    return withoutFence(reply);
  };
  const sendReport = async (parts: Partial<CounterReport> = {}): Promise<ReportReply> => {
    const settledEpoch = parts.settled ? fence.epoch : 0n;
    const asked = report({ settledEpoch, epoch: fence.epoch + 1n, recovery, ...parts });
    const [reply] = await operations.report([asked]);
    if (!reply) throw new Error('no reply');
    if (reply.kind === 'reported') fence = reply.fence;
    if (reply.kind !== 'waiting') return reply;
    recovery = reply.recovery;
    return 'recovery' in parts || asked.recovery?.time === recovery.time ? reply : sendReport(parts);
  };
  const install = async (parts: Partial<CounterInstall> = {}): Promise<boolean> => {
    const installed = await operations.install({
      sequence: INV,
      recovery: recovery ?? { server: 'nobody', time: '0' },
      epoch: 0n,
      ceiling: BigInt(WINDOW),
      base: 0n,
      jumpTo: undefined,
      account: undefined,
      initialSeq: 0n,
      limit: VALUE_MAX,
      window: WINDOW,
      ...parts,
    });
    const [, epoch = '0', ceiling = '0'] = ((await client.hget(STATE, 'fence')) ?? '').split(' ');
    fence = { epoch: BigInt(epoch), ceiling: BigInt(ceiling), wanted: 0n };
    return installed;
  };
  const replaceServer = async (): Promise<void> => {
    const [, ...served] = ((await client.hget(STATE, 'fence')) ?? '').split(' ');
    await client.hset(STATE, 'fence', ['another', ...served].join(' '));
  };
  const read = async () =>
    [await client.get(COUNTER), await client.hgetall(STATE), await client.hgetall(GAPS)] as const;

  return {
    redis,
    store,
    operations,
    get fence() {
      return fence;
    },
    send,
    sendB: (parts) => send({ node: 'node-b', ...parts }),
    advance: (to, operation = 'operation', limit = VALUE_MAX) =>
      store.advance({ sequence: INV, operation, to, initialSeq: 0n, limit, epoch: 0n, window: WINDOW }),
    report: sendReport,
    install,
    account: async () => {
      const [reply] = await operations.accountMany([INV]);
      if (reply?.kind === 'corrupt') throw new Error(reply.reason);
      return reply?.kind === 'account' ? reply.account : undefined;
    },
    preload: async (value) => {
      await client.set(COUNTER, String(value));
      await sendReport({ node: 'operator', recovery: undefined });
      await install();
    },
    replaceServer,
    remember: async () => {
      const [counter, state, gaps] = await read();
      return async () => {
        await client.del(COUNTER, STATE, GAPS);
        if (counter !== null) await client.set(COUNTER, counter);
        if (Object.keys(state).length > 0) await client.hset(STATE, state);
        if (Object.keys(gaps).length > 0) await client.hset(GAPS, gaps);
        if (state['fence'] !== undefined) await replaceServer();
      };
    },
    snapshot: read,
    gaps: async () =>
      Object.entries(await client.hgetall(GAPS))
        .map(([first, entry]) => `${first}-${entry.split(' ').slice(0, 3).join(' ')}`)
        .sort(),
  };
};

/** For all tests of a file: each of them finds the Redis empty. */
export const sequenceForTests = (): SequenceUnderTest => {
  const sequence = sharedByTests(
    () => startSequenceUnderTest(),
    ({ redis }) => redis.stop(),
  );
  beforeEach(async () => {
    await sequence.redis.client.flushall();
  });
  return sequence;
};
