/**
 * Proof that the model check can fail: each breach planted in the script or in the node is found. Those that histories meet
 * too rarely are left to the contract tests (`reserve-recovery*.test.ts`) and the unit tests of the session,
 * which are red with them.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { decideInstall } from '../../src/allocators/counter/machine/recovery-decision.ts';
import { settleKeyedCall } from '../../src/allocators/counter/machine/keyed-call.ts';
import { dealInOrder, makeCall, settleCall } from '../../src/allocators/counter/machine/session.ts';
import { type SessionState, swear } from '../../src/allocators/counter/machine/session-state.ts';
import type { CeilingStore } from '../../src/core/ceiling/ceiling-store.ts';
import { loadRedisScript } from '../../src/stores/redis/connection/redis-script.ts';
import { type OwnRedis, startOwnRedis } from '../support/own-redis.ts';
import { play } from './scenes.ts';
import { createScriptRunner } from './script-runner.ts';
import type { NodeCode, Scene } from './world.ts';

const RESERVE_SCRIPT = loadRedisScript('reserve').lua;

const HISTORIES_MAX = 1000;
const FENCED_HISTORIES_MAX = 20_000;

interface Breach {
  readonly name: string;
  /** In the script: this text … */
  readonly from?: string;
  /** … becomes that one. */
  readonly to?: string;
  /** In the node. */
  readonly spoilt?: Partial<NodeCode>;
  /** In what keeps the ceilings. */
  readonly wrapCeilings?: (ceilings: CeilingStore) => CeilingStore;
  /** Histories in which servers forget; `alone`: and nobody else keeps the ceilings. */
  readonly fenced?: true | 'alone';
  /** Histories without idempotency keys find it sooner; else all have them. */
  readonly keyed?: false;
  /** The history that found it: where the campaign begins, so that CI plays few. A stale one costs time, nothing else. */
  readonly seed?: number;
}

const BREACHES: readonly Breach[] = [
  {
    name: 'a segment is freed in the call that replaces it',
    from: '  local segment = reserveStandby(s)\n',
    to: '  if held then release(s, text(held[1]), 0, s.holding) end\n  local segment = reserveStandby(s)\n',
  },
  {
    name: 'a call has no identity',
    from: "if call == last then return reply .. ' ' .. served .. ' ' .. ceiling .. ' 0' end",
    to: '',
  },
  { name: 'an older call is served', from: "then return 'stale ' .. last end", to: 'then call = last end' },
  {
    name: 'a jumped segment is not recorded',
    from: "table.remove(s.ahead, 1)\n  if range[3] ~= '-' then gap(s, range[1], range[2], 'node-crash', range[3]) end",
    to: 'table.remove(s.ahead, 1)',
  },
  { name: 'an advance is not recorded', from: 'if reason then gap(', to: 'if false then gap(' },
  {
    name: 'a reported segment stays in the gap record',
    from: 's.found[#s.found + 1] = first',
    to: '',
  },
  { name: 'values used in an outage are not kept', from: 'if used > 0 then insert', to: 'if false then insert' },
  { name: 'returned values are dropped', from: "insert(s.free, s.number(a), s.number(b), '')\n", to: '\n' },
  {
    name: 'returned values are handed out twice',
    from: '    table.remove(s.free, 1)\n    if s.last',
    to: '    if s.last == free[2] and s.count % 2 == 0 then table.remove(s.free, 1) end\n    if s.last',
  },
  { name: 'what an advance passed is handed out again', from: 's.free[1][1] <= s.floor', to: 'false' },
  { name: 'large values are doubles', from: 'and tonumber or widen', to: 'and tonumber or tonumber' },
  {
    name: 'an exhausted sequence goes on',
    from: 'if left < s.number(',
    to: 'if false and left < s.number(',
    seed: 747,
  },
  { name: 'a standby lies above the limit', from: 'least(first + (size - 1), s.limit)', to: 'first + (s.size - 1)' },
  {
    name: 'the node drops what nobody waits for',
    spoilt: {
      settleCall: (session, call, reply) => {
        const settlement = settleCall(session, call, reply);
        if (settlement.kind === 'settled' && call % 7 === 0) dealInOrder(session, 1, 2n ** 64n);
        return settlement;
      },
    },
  },
  {
    name: 'the node forgets to report a segment it gave up',
    spoilt: { makeCall: (session, count, terms) => ({ ...makeCall(session, count, terms), released: [] }) },
  },
  {
    name: 'a receipt that is there is not looked at',
    from: "local receipt = redis.call('GET', key)",
    to: 'local receipt',
  },
  { name: 'the receipt is not written', from: "redis.call('SET', key, receipt, 'PX', RECEIPT_MS)", to: '' },
  {
    name: 'another request is given what the receipt says',
    from: "return whose == fingerprint and 'receipt old keep'",
    to: "return 'receipt old keep'",
  },
  {
    name: 'a receipt says that its values end one later than they do',
    from: "ranges[#ranges + 1] = text(s.first) .. '-' .. text(s.last)",
    to: "ranges[#ranges + 1] = text(s.first) .. '-' .. text(s.last + 1)",
  },
  {
    name: 'a receipt is written though its values do not suffice',
    from: 's.count = s.count - (distance(s.last - s.first) + 1)',
    to: 's.count = 0',
  },
  {
    name: 'a node does not remember what it was given with a receipt',
    fenced: 'alone',
    spoilt: {
      settleKeyedCall: (session, reply) =>
        reply.kind === 'receipt'
          ? { kind: 'settled', receipt: reply.receipt, replayed: reply.replayed, standbyDue: false }
          : settleKeyedCall(session, reply),
    },
  },
  { name: 'a server that was started anew counts on', fenced: true, from: 'who ~= server(i) or ', to: '' },
  {
    name: 'a call of an older epoch is served',
    fenced: true,
    from: "then return 'forgotten' end\n    if record",
    to: 'then end\n    if record',
  },
  {
    name: 'a late copy of a report counts',
    fenced: true,
    keyed: false,
    from: "if string.find(s.report, ' rec:' .. server(s.index) .. ':' .. since, 1, true) then",
    to: 'if true then',
    seed: 33_500,
  },
  {
    name: 'a late install counts',
    fenced: true,
    from: 'or began ~= time then',
    to: 'then',
  },
  {
    name: 'values above the ceiling are handed out',
    fenced: true,
    from: 's.window == 0 and s.ceiling < s.limit and s.ceiling or s.limit',
    to: 's.limit',
  },
  {
    name: 'a standby above the ceiling is offered',
    fenced: true,
    from: 'if s.window == 0 and s.ceiling < last then',
    to: 'if false then',
  },
  {
    name: 'a rolled back server hands out again what was given back',
    fenced: true,
    seed: 9_900,
    from: 's.free, s.changed = {}, true\n  doubtLastRanges',
    to: 's.changed = true\n  doubtLastRanges',
  },
  {
    name: 'what a node took ahead is forgotten',
    fenced: true,
    from: '  claim(s, union(claims))\n',
    to: '',
  },
  {
    name: 'an emptied server does not get its account back',
    fenced: true,
    from: 'if not value then return false end',
    to: 'if true then return false end',
  },
  {
    name: 'a node gives back after a recovery as if nothing had happened',
    fenced: true,
    keyed: false,
    seed: 1300,
    spoilt: { makeCall: (session, count, terms) => ({ ...makeCall(session, count, terms), reissued: false }) },
  },
  {
    name: 'a recovery is called exact though a node is silent',
    fenced: true,
    wrapCeilings: (ceilings) => ({
      ...ceilings,
      recover: async (request) => {
        const outcome = await ceilings.recover(request);
        return outcome.kind === 'granted' ? { ...outcome, jumpTo: undefined, base: 0n } : outcome;
      },
    }),
  },
  {
    name: 'what comes back below the base of a recovery is called advanced',
    fenced: true,
    from: '  advancedTo(s)\n  s.floor = base\n',
    to: '  s.floor, s.advanced = base, base\n',
  },
  {
    name: 'a sequence is said to begin below where its first node has reported that it counts',
    fenced: true,
    spoilt: { decideInstall: (waiting, options) => decideInstall(waiting, { ...options, initialSeq: 0n }) },
  },
  {
    name: 'a server that falls back forgets that the sequence was moved on before its first value',
    fenced: true,
    seed: 2_000_007_339,
    from: 'then s.begun, s.moved = s.origin, true end',
    to: 'then end',
  },
  {
    name: 'a node swears off by a method that has lost its object',
    fenced: true,
    spoilt: {
      decideInstall: (waiting, options) =>
        decideInstall(waiting, {
          ...options,
          swear(this: { readonly session?: SessionState }, epoch) {
            swear(this.session as SessionState, epoch);
          },
        }),
    },
  },
  {
    name: 'the ceiling is put in force before it is durable',
    fenced: true,
    wrapCeilings: (ceilings) => ({
      ...ceilings,
      raiseMany: async (raises) => {
        const outcomes = await ceilings.raiseMany(raises.map((raise) => ({ ...raise, ceiling: 0n })));
        return outcomes.map((outcome, index) =>
          outcome.kind === 'raised' ? { ...outcome, ceiling: raises[index]?.ceiling ?? 0n } : outcome,
        );
      },
    }),
  },
];

let redis: OwnRedis;
beforeAll(async () => {
  redis = await startOwnRedis();
});
// Also after a failure: what is left over would be found by the next one.
afterEach(() => redis.client.flushall());
afterAll(() => redis.stop());

describe('the model check finds that', () => {
  test.each(BREACHES)(
    '$name',
    { timeout: 900_000 },
    async ({ name, from, to, spoilt, wrapCeilings, fenced, keyed, seed = 1 }) => {
      if (from !== undefined) expect(RESERVE_SCRIPT.split(from)).toHaveLength(2);
      const script = from === undefined ? RESERVE_SCRIPT : RESERVE_SCRIPT.replace(from, () => to ?? '');
      const runner = await createScriptRunner(redis.client, script);
      const alter = (scene: Scene): Scene => ({
        ...scene,
        ...(fenced === true && { fence: 'kept' as const }),
        keyed: keyed ?? true,
        ...(fenced === 'alone' && { fence: 'alone' as const, crashes: false }),
        ...(wrapCeilings && { wrapCeilings }),
      });
      const histories = fenced ? FENCED_HISTORIES_MAX : HISTORIES_MAX;
      const campaign = play({ runner, firstSeed: seed, histories, alter, ...(spoilt && { spoilt }) });
      // Found by the checks of a history; or the ceilings' store itself notices.
      const found = await campaign.then(() => 'nothing was found', String);
      console.log(`${name}: ${found.split('\n')[0]}`);
      expect(found).toMatch(/^Error: seed \d+: |PostgreSQL is older/);
      await redis.client.flushall();
    },
  );
});
