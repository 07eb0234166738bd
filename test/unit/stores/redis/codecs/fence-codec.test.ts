/** The words between the node and `reserve.lua` about reports, recoveries and ceilings. */
import { describe, expect, test } from 'vitest';
import type { SequenceAccount } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { AccountReply, CounterInstall, CounterReport } from '../../../../../src/core/counter/counter-fence.ts';
import type { Gap } from '../../../../../src/core/values/gap.ts';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { decodeClosure } from '../../../../../src/stores/redis/codecs/closure-codec.ts';
import {
  decodeAccount,
  decodeInstallReply,
  decodeRaiseReply,
  decodeReportReply,
  encodeAccountRequest,
  encodeInstall,
  encodeMove,
  encodeReport,
} from '../../../../../src/stores/redis/codecs/fence-codec.ts';

const INV = sequenceOf(seriesOf('INV'), '');
const MAX = 18_446_744_073_709_551_615n;
const RECOVERY = { server: 'f00', time: '1795224970123456' };

const REPORT: CounterReport = {
  sequence: INV,
  node: 'n.1-a',
  settled: 7,
  settledEpoch: 5n,
  pending: 8,
  epoch: 6n,
  sworn: true,
  recovery: RECOVERY,
  seen: 40n,
  top: MAX,
  brief: false,
  holding: { first: 101n, last: 105n, offeredIn: 4 },
  last: { first: 31n, last: 40n },
  taken: [
    { first: 1n, last: 40n },
    { first: MAX, last: MAX },
  ],
  initialSeq: 9n,
  window: 10_000,
};

describe('a report', () => {
  test('is one text, with what the node knows at the end', () => {
    expect(encodeReport(REPORT)).toBe(
      'n.1-a 7 report 0 9 0 0 4 0 40 6 10000 at:5 rec:f00:1795224970123456 pending:8 ' +
        'top:18446744073709551615 last:31:40 held:101:105 taken:1:40 taken:18446744073709551615:18446744073709551615',
    );
  });

  test('of a node that knows nothing, and has sworn nothing off, says no more than that', () => {
    const settled = { settled: 0, settledEpoch: 0n, pending: 0, seen: 0n, top: 0n };
    const none = { holding: undefined, last: undefined, taken: [] };
    expect(encodeReport({ ...REPORT, ...settled, ...none, sworn: false, recovery: undefined })).toBe(
      'n.1-a 0 late 0 9 0 0 - 0 0 6 10000 at:0 pending:0 top:0 last:-',
    );
  });

  test('that was taken down already only says for which recovery', () => {
    expect(encodeReport({ ...REPORT, brief: true })).toBe(
      'n.1-a 7 report 0 9 0 0 4 0 40 6 10000 at:5 rec:f00:1795224970123456 brief',
    );
  });

  test('is answered with the fence, or with what is known of the recovery', () => {
    expect(decodeReportReply(`reported 6 ${MAX} 0`)).toEqual({
      kind: 'reported',
      fence: { epoch: 6n, ceiling: MAX, wanted: 0n },
    });
    expect(decodeReportReply(`waiting f00 1795224970123456 1500 5 100 ${MAX} n.1-a,n2 n3 4`)).toEqual({
      kind: 'waiting',
      recovery: RECOVERY,
      sinceMs: 1_500,
      epoch: 5n,
      ceiling: 100n,
      highest: MAX,
      reported: ['n.1-a', 'n2'],
      missing: ['n3'],
      sworn: 4n,
    });
    expect(decodeReportReply('waiting f00 1 0 5 100 42 - - 0')).toMatchObject({ reported: [], missing: [] });
    expect(decodeReportReply('recovering')).toEqual({ kind: 'recovering' });
    expect(decodeReportReply('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
  });
});

const gap = (parts: Partial<Gap>): Gap => ({
  range: { first: 1n, last: 3n },
  reason: 'advance',
  node: undefined,
  recordedAtMs: 1_795_224_970_000,
  ...parts,
});

const INSTALL: CounterInstall = {
  sequence: INV,
  recovery: RECOVERY,
  epoch: 6n,
  ceiling: MAX,
  base: 42n,
  jumpTo: undefined,
  account: undefined,
  initialSeq: 9n,
  limit: MAX,
  window: 0,
};

describe('an install', () => {
  test('names the recovery it ends, and nothing it does not know', () => {
    expect(encodeInstall(INSTALL)).toBe(
      `recovery 0 install 0 9 ${MAX} 0 - 0 0 6 0 fence:f00:${MAX} time:1795224970123456 base:42`,
    );
  });

  test('brings the old ceiling, and the account', () => {
    const gaps = [gap({}), gap({ range: { first: 5n, last: MAX }, reason: 'node-crash', node: 'n.1-a' })];
    const text = encodeInstall({ ...INSTALL, jumpTo: 900n, account: { value: 55n, changes: 3, gaps } });
    expect(text.split(' base:42 ')[1]).toBe(
      `jump:900 account:55:3 gap:1:3:advance:-:1795224970 gap:5:${MAX}:node-crash:n.1-a:1795224970`,
    );
  });

  test('brings the closure as one word', () => {
    const closure = { reason: 'Filed: 100 %', closedAtMs: 7, subject: 'anna', requestId: undefined };
    const word = encodeInstall({ ...INSTALL, closure }).split(' base:42 ')[1] ?? '';
    expect(word).toMatch(/^closed:[A-Za-z0-9%_.!~*'()-]+$/);
    expect(decodeClosure(decodeURIComponent(word.slice('closed:'.length)))).toEqual({
      ...{ reason: 'Filed: 100 %', closedAtMs: 7, subject: 'anna' },
    });
  });

  test('either came first or not', () => {
    expect(decodeInstallReply('installed 6 100 0')).toBe(true);
    expect(decodeInstallReply('outrun')).toBe(false);
  });
});

describe('a ceiling', () => {
  test('is raised or proposed in an epoch', () => {
    const move = { sequence: INV, epoch: 6n, ceiling: MAX };
    expect(encodeMove('raise', move)).toBe(`recovery 0 raise 0 0 0 0 - 0 0 6 0 ceiling:${MAX}`);
    expect(encodeMove('propose', move)).toBe(`recovery 0 propose 0 0 0 0 - 0 0 6 0 ceiling:${MAX}`);
  });

  test('is in force when the answer says so', () => {
    const fence = { epoch: 6n, ceiling: MAX, wanted: 0n };
    expect(decodeRaiseReply(`raised 6 ${MAX} 0`)).toEqual({ kind: 'raised', fence });
    expect(decodeRaiseReply('outrun')).toEqual({ kind: 'outrun' });
    expect(decodeRaiseReply('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
  });
});

const gapsIn = (reply: AccountReply): readonly Gap[] => (reply.kind === 'account' ? reply.account.gaps : []);

describe('an account', () => {
  test('is asked for in the name of nobody', () => {
    expect(encodeAccountRequest()).toBe('recovery 0 account 0 0 0 0 - 0 0 0 0');
    expect(encodeAccountRequest(7n)).toBe('recovery 0 account 0 0 0 0 - 0 0 7 0');
  });

  test('comes back from an install as it was read', () => {
    const account: SequenceAccount = {
      value: MAX,
      changes: 12,
      gaps: [
        gap({}),
        gap({ range: { first: 9n, last: 9n }, reason: 'recovery-jump' }),
        gap({ range: { first: 11n, last: MAX }, reason: 'node-crash', node: 'n.1-a' }),
      ],
    };
    const [, words] = encodeInstall({ ...INSTALL, account }).split(`account:${MAX}:12 `);
    expect(decodeAccount(`account ${MAX} 12 ${words}`)).toEqual({ kind: 'account', account });
  });

  test('is read without the numbers of calls and without what is no range; a reason of a later version stays a gap', () => {
    const text = 'account 9 2 gap:1:3:node-crash:n.1-a@7:1795224970 gap:5:4:advance:-:1 gap:6:7:lost:-:1';
    expect(gapsIn(decodeAccount(text))).toEqual([
      gap({ reason: 'node-crash', node: 'n.1-a' }),
      { range: { first: 6n, last: 7n }, reason: 'lost', node: undefined, recordedAtMs: 1_000 },
    ]);
  });

  test('of a sequence that is not served is none', () => {
    expect(decodeAccount('outrun')).toEqual({ kind: 'unserved' });
    expect(decodeAccount('corrupt counter is bad')).toEqual({ kind: 'corrupt', reason: 'counter is bad' });
    const account = { value: 0n, changes: 0, gaps: [] };
    expect(decodeAccount('account 0 0')).toEqual({ kind: 'account', account });
  });
});

describe('an answer', () => {
  test.each(['', 'hello'])('that is unknown means another version of the script: "%s"', (text) => {
    expect(() => decodeInstallReply(text)).toThrow(text);
    expect(() => decodeRaiseReply(text)).toThrow(text);
    expect(() => decodeAccount(text)).toThrow(text);
  });

  test('to an install is not that something is corrupt', () => {
    expect(() => decodeInstallReply('corrupt counter is bad')).toThrow('corrupt counter is bad');
  });

  test.each(['hello', 'installed 6 100 0', 'reported 6', 'waiting f00 1 0 5'])('to a report cannot be "%s"', (text) => {
    expect(() => decodeReportReply(text)).toThrow();
  });

  test('with a number missing is not read', () => {
    expect(() => decodeRaiseReply('raised 6')).toThrow();
    expect(() => decodeAccount('account')).toThrow();
  });
});
