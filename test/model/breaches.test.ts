/** Proof that the model check can fail: each breach planted in the script or in the node is found. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CounterSession } from '../../src/allocators/counter-session.ts';
import { loadRedisScript } from '../../src/stores/redis/redis-script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { play } from './scenes.ts';
import { createScriptRunner } from './script-runner.ts';

const RESERVE_SCRIPT = loadRedisScript('reserve').lua;

const HISTORIES_MAX = 1000;

interface Breach {
  readonly name: string;
  /** In the script: this text … */
  readonly from?: string;
  /** … becomes that one. */
  readonly to?: string;
  readonly wrap?: (session: CounterSession) => CounterSession;
}

/** A session with some members replaced; getters stay live. */
const spoil = (session: CounterSession, changes: Partial<CounterSession>): CounterSession =>
  Object.assign(Object.create(session) as CounterSession, changes);

const BREACHES: readonly Breach[] = [
  {
    name: 'a segment is freed in the call that replaces it',
    from: '  local segment = reserveStandby(s)\n',
    to: '  if held then release(s, text(held[1]), 0, s.holding) end\n  local segment = reserveStandby(s)\n',
  },
  { name: 'a call has no identity', from: 'if call == last then return reply end', to: '' },
  { name: 'an older call is served', from: "then return 'stale ' .. last end", to: 'then call = last end' },
  {
    name: 'a jumped segment is not recorded',
    from: "if range[3] ~= '-' then gap(s, range[1], range[2], 'node-crash', range[3]) end",
    to: '',
  },
  { name: 'an advance is not recorded', from: 'if s.value < stop and reason then', to: 'if false then' },
  {
    name: 'a reported segment stays in the gap record',
    from: 's.found[#s.found + 1] = first',
    to: '',
  },
  { name: 'values used in an outage are not kept', from: 'if used > 0 then insert', to: 'if false then insert' },
  { name: 'returned values are dropped', from: "insert(s.free, s.number(a), s.number(b), '') s.kept", to: 's.kept' },
  {
    name: 'returned values are handed out twice',
    from: '    table.remove(s.free, 1)\n    if s.last',
    to: '    if s.last == free[2] and s.count % 2 == 0 then table.remove(s.free, 1) end\n    if s.last',
  },
  { name: 'what an advance passed is handed out again', from: 's.free[1][1] <= s.floor', to: 'false' },
  { name: 'large values are doubles', from: 'and tonumber or widen', to: 'and tonumber or tonumber' },
  { name: 'an exhausted sequence goes on', from: 'if left < s.number(', to: 'if false and left < s.number(' },
  { name: 'a standby lies above the limit', from: 'least(first + (size - 1), s.limit)', to: 'first + (s.size - 1)' },
  {
    name: 'the node drops what nobody waits for',
    wrap: (session) =>
      spoil(session, {
        settle: (call, reply) => {
          const settlement = session.settle(call, reply);
          if (settlement.kind === 'settled' && call % 7 === 0) session.deal(1, 2n ** 64n);
          return settlement;
        },
      }),
  },
  {
    name: 'the node forgets to report a segment it gave up',
    wrap: (session) => spoil(session, { call: (count, terms) => ({ ...session.call(count, terms), released: [] }) }),
  },
];

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startOwnRedis();
});
afterAll(() => redis.stop());

describe('the model check finds that', () => {
  it.each(BREACHES)('$name', async ({ from, to, wrap }) => {
    if (from !== undefined) expect(RESERVE_SCRIPT.split(from)).toHaveLength(2);
    const script = from === undefined ? RESERVE_SCRIPT : RESERVE_SCRIPT.replace(from, () => to ?? '');
    const runner = await createScriptRunner(redis.client, script);
    const campaign = play({ runner, firstSeed: 1, histories: HISTORIES_MAX, ...(wrap && { wrap }) });
    await expect(campaign).rejects.toThrow(/^seed \d+: /);
    await redis.client.flushall();
  });
});
