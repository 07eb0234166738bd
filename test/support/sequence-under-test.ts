/** A sequence in a test's Redis, spoken to in single calls, as the contract tests of `reserve.lua` need it. */
import type {
  AdvanceReply,
  CounterCall,
  CounterReply,
  CounterStore,
  StandbyAdvice,
  StandbySegment,
} from '../../src/core/counter-store.ts';
import type { Range } from '../../src/core/range.ts';
import { VALUE_MAX } from '../../src/core/value.ts';
import { type OwnRedis, startOwnRedis } from './own-redis.ts';
import { createReserveStore } from './reserve-script.ts';

const INV = { prefixKey: 'INV', period: '' };
export const STATE = '{sequence:INV}:state';
export const GAPS = '{sequence:INV}:gaps';

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
  holding: undefined,
  usedInPart: false,
  released: [],
  returned: [],
  seen: 0n,
  lastRange: undefined,
  ...parts,
});

export const range = (first: bigint, last: bigint): Range => ({ first, last });
export const segment = (first: bigint, last: bigint, offeredIn: number): StandbySegment => ({ first, last, offeredIn });
export const keep: StandbyAdvice = { kind: 'keep' };
export const offer = (first: bigint, last: bigint, offeredIn: number): StandbyAdvice => ({
  kind: 'offer',
  segment: segment(first, last, offeredIn),
});

export interface SequenceUnderTest {
  readonly redis: OwnRedis;
  readonly store: CounterStore;
  send(parts: Partial<CounterCall>): Promise<CounterReply>;
  sendB(parts: Partial<CounterCall>): Promise<CounterReply>;
  advance(to: bigint, operation?: string, limit?: bigint): Promise<AdvanceReply>;
  /** Counter, state and gap record. */
  snapshot(): Promise<readonly unknown[]>;
  /** "first-last reason holder" of each gap, sorted. */
  gaps(): Promise<readonly string[]>;
}

export const startSequenceUnderTest = async (script?: string): Promise<SequenceUnderTest> => {
  const redis = await startOwnRedis();
  const { client } = redis;
  const store = createReserveStore(client, script);
  const send = async (parts: Partial<CounterCall>): Promise<CounterReply> => {
    const [reply] = await store.reserve([call(parts)]);
    if (!reply) throw new Error('no reply');
    return reply;
  };
  return {
    redis,
    store,
    send,
    sendB: (parts) => send({ node: 'node-b', ...parts }),
    advance: (to, operation = 'operation', limit = VALUE_MAX) =>
      store.advance({ sequence: INV, operation, to, initialSeq: 0n, limit }),
    snapshot: async () => [await client.get('sequence:INV'), await client.hgetall(STATE), await client.hgetall(GAPS)],
    gaps: async () =>
      Object.entries(await client.hgetall(GAPS))
        .map(([first, entry]) => `${first}-${entry.split(' ').slice(0, 3).join(' ')}`)
        .sort(),
  };
};
