/** A node's part in recoveries: it reports until it is served, asks how they end in its turn, and never gives up on its own. */
import { describe, expect, test } from 'vitest';
import type { CounterLimits } from '../../../../../src/allocators/counter/machine/counter-limits.ts';
import { wakeAtMs } from '../../../../../src/allocators/counter/machine/node.ts';
import { owesReport } from '../../../../../src/allocators/counter/machine/session-state.ts';
import type { RecoveryOutcome } from '../../../../../src/core/ceiling/ceiling-store.ts';
import type { CounterReport, ReportReply } from '../../../../../src/core/counter/counter-fence.ts';
import { CorruptEntryError, StorageUnavailableError } from '../../../../../src/core/errors.ts';
import { targetOf } from '../../../fakes/allocator-on.ts';
import { FENCE, type Machine, machineOn } from '../../../fakes/machine-on.ts';

const NAME = { server: 'run2', time: '1795224970000000' };
const AWAY = new StorageUnavailableError('away');
const TARGET = targetOf('INV');
/** No clock but that of the recovery. */
const QUIET = { tickMs: 10 ** 9, renewMs: 10 ** 9, patienceMs: 10 ** 9 };

type Waiting = Extract<ReportReply, { kind: 'waiting' }>;

const keyOf = (report: CounterReport): string => report.sequence.series.prefixKey;

/** Answers every report: `reported` for those of `served`; to the others that it waits, and has taken down their report. */
const waitFor = (machine: Machine, parts: Partial<Waiting> = {}, served: readonly string[] = [], epoch = 2n) => {
  const startMs = machine.nowMs();
  machine.respond('report', ({ reports }) =>
    reports.map((report) =>
      served.includes(keyOf(report))
        ? { kind: 'reported', fence: { ...FENCE, epoch } }
        : {
            kind: 'waiting',
            recovery: NAME,
            sinceMs: machine.nowMs() - startMs,
            epoch: 1n,
            ceiling: 500n,
            highest: report.seen,
            reported: report.recovery?.time === NAME.time ? [report.node] : [],
            missing: [],
            ...parts,
          },
    ),
  );
};

/** A node that counts in these sequences in epoch 1, and has sworn it off. */
const recovering = (
  keys: readonly string[],
  { limits = {}, ...options }: { keepsCeilings?: boolean; limits?: Partial<CounterLimits> } = {},
): Machine => {
  const machine = machineOn({ isFenced: true, limits: { ...QUIET, ...limits }, ...options });
  for (const key of keys) machine.begin(targetOf(key));
  for (const key of keys) machine.feed({ kind: 'recovery-began', id: targetOf(key).sequence });
  return machine;
};

const phaseOf = (machine: Machine, key = 'INV') => machine.sequenceOf(targetOf(key)).phase;
const reportsOf = (machine: Machine, key: string): number =>
  machine.askedOf('report').flatMap(({ reports }) => reports.filter((report) => keyOf(report) === key)).length;

describe('a node reports', () => {
  test('every 50 ms until the sequence is served, and no longer', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { missing: ['other'] });
    machine.at(200);
    expect(machine.timesOf('report')).toEqual([0, 0, 50, 100, 150, 200]);
    expect([phaseOf(machine), machine.open('reserve')]).toEqual(['recovering', []]);
    waitFor(machine, {}, ['INV']);
    machine.at(250);
    expect([phaseOf(machine), owesReport(machine.sequenceOf(TARGET).session)]).toEqual(['serving', false]);
    expect(wakeAtMs(machine.state)).toBe(QUIET.tickMs);
    machine.at(9_000);
    expect(machine.timesOf('report')).toHaveLength(7);
    expect(machine.askedOf('read')).toEqual([]);
  });

  test('every 250 ms once the recovery has waited for 3 s: a node that was heard of lately may take its time', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { missing: ['other'], sinceMs: 2_999 });
    machine.at(100);
    waitFor(machine, { missing: ['other'], sinceMs: 3_000 });
    machine.at(700);
    expect(machine.timesOf('report')).toEqual([0, 0, 50, 100, 150, 400, 650]);
  });

  test.each([
    ['waits less long', false],
    ['has just been served', true],
  ])('every 50 ms when some of several sequences are patient, and another one %s', (_what, isServed) => {
    const machine = recovering(['A', 'B', 'C']);
    waitFor(machine, { missing: ['other'], sinceMs: 0 });
    machine.at(60);
    const before = machine.timesOf('report').length;
    const waiting = { kind: 'waiting', recovery: NAME, epoch: 1n, ceiling: 500n, highest: 1n, reported: [] } as const;
    machine.respond('report', ({ reports }) =>
      reports.map((report) => {
        if (keyOf(report) !== 'B') return { ...waiting, missing: ['other'], sinceMs: 3_000 };
        if (isServed) return { kind: 'reported', fence: { ...FENCE, epoch: 2n } };
        return { ...waiting, missing: ['other'], sinceMs: 2_999 };
      }),
    );
    machine.at(150);
    expect(machine.timesOf('report').slice(before)).toEqual([100, 150]);
  });

  test('at once for the recovery that the store has just named', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { missing: ['other'] });
    expect(machine.askedOf('report').map(({ reports }) => reports[0]?.recovery?.time)).toEqual([undefined, NAME.time]);
    expect(machine.timesOf('report')).toEqual([0, 0]);
  });

  test('briefly what the store has already, and whole again once it swears off more', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { missing: ['other'] });
    machine.at(100);
    expect(machine.askedOf('report').map(({ reports }) => reports[0]?.brief)).toEqual([false, false, true, true]);
    // Others know of a later epoch that may still begin elsewhere.
    waitFor(machine, { missing: ['other'], epoch: 5n });
    machine.at(200);
    expect(
      machine
        .askedOf('report')
        .slice(4)
        .map(({ reports }) => [reports[0]?.epoch, reports[0]?.brief]),
    ).toEqual([
      [2n, true],
      [6n, false],
    ]);
  });

  test('for what comes later too, also when it was done before', () => {
    const machine = recovering(['A']);
    waitFor(machine, {}, ['A', 'B']);
    expect(phaseOf(machine, 'A')).toBe('serving');
    machine.reply('reserve', [{ kind: 'corrupt', reason: 'no matter' }]);
    machine.at(1_000);
    machine.begin(targetOf('B'));
    machine.feed({ kind: 'recovery-began', id: targetOf('B').sequence });
    expect([machine.timesOf('report'), phaseOf(machine, 'B')]).toEqual([[0, 1_000], 'serving']);
  });

  test('for 256 sequences in one trip, and for the others in the next: those that take long starve nobody', () => {
    const keys = Array.from({ length: 600 }, (_, index) => `P${index}`);
    const machine = machineOn({ isFenced: true, limits: QUIET });
    for (const key of keys) machine.begin(targetOf(key));
    // The trip that is made first keeps the others from being reported one by one.
    machine.ask(targetOf('OTHER'), 1);
    for (const key of keys) machine.feed({ kind: 'recovery-began', id: targetOf(key).sequence });
    waitFor(machine, { missing: ['other'], sinceMs: 0 }, keys.slice(300));
    machine.at(1_000);
    const sizes = machine.askedOf('report').map(({ reports }) => reports.length);
    expect(Math.max(...sizes)).toBe(256);
    expect(keys.filter((key) => phaseOf(machine, key) === 'serving')).toEqual(keys.slice(300));
  });

  test('one trip at a time: what is due meanwhile waits for the next', () => {
    const machine = recovering(['A', 'B']);
    expect(machine.take('report').reports.map(keyOf)).toEqual(['A']);
    machine.at(500);
    expect(machine.open('report')).toHaveLength(1);
    machine.reply('report', [{ kind: 'reported', fence: { ...FENCE, epoch: 2n } }]);
    machine.at(550);
    expect(machine.take('report').reports.map(keyOf)).toEqual(['B']);
  });

  test('with the initialSeq that holds by then, and no value below it is handed out afterwards', () => {
    const machine = recovering(['INV']);
    machine.ask({ ...TARGET, initialSeq: 51n }, 1);
    machine.reply('report', [{ kind: 'recovering' }]);
    machine.at(50);
    expect(machine.take('report').reports).toMatchObject([{ initialSeq: 51n }]);
    // The config is changed back: the node does not count below what it has reported.
    machine.ask({ ...TARGET, initialSeq: 16n }, 1);
    machine.reply('report', [{ kind: 'recovering' }]);
    machine.at(100);
    expect(machine.take('report').reports).toMatchObject([{ initialSeq: 51n }]);
  });
});

describe('trouble', () => {
  test('with the counter store is told of for every sequence, and the reports are tried again every 200 ms', () => {
    const machine = recovering(['A', 'B']);
    const requests = [machine.ask(targetOf('A'), 1), machine.ask(targetOf('B'), 1)];
    machine.respond('report', () => AWAY);
    machine.at(1_000);
    expect(requests.map(({ outcome }) => outcome)).toEqual([AWAY, AWAY]);
    expect(machine.ask(targetOf('A'), 1).outcome).toBe(AWAY);
    // Not in a hurry: it is away.
    expect(machine.timesOf('report')).toEqual([0, 200, 400, 600, 800, 1_000]);
    waitFor(machine, {}, ['A', 'B']);
    machine.at(1_200);
    expect([phaseOf(machine, 'A'), phaseOf(machine, 'B')]).toEqual(['serving', 'serving']);
  });

  test('for a reason of its own is told of as unavailable, the reason inside', () => {
    const machine = recovering(['INV']);
    const request = machine.ask(TARGET, 1);
    const reason = new TypeError('a defect');
    machine.refuse('report', reason);
    expect(request.outcome).toMatchObject({ code: 'STORAGE_UNAVAILABLE', cause: reason });
  });

  test('is over as soon as the store waits for the others again', () => {
    const machine = recovering(['INV']);
    machine.respond('report', () => AWAY);
    expect(machine.sequenceOf(TARGET).trouble).toBe(AWAY);
    waitFor(machine, { missing: ['other'] });
    machine.at(300);
    expect(machine.sequenceOf(TARGET).trouble).toBeUndefined();
    expect(machine.ask(TARGET, 1).outcome).toBeUndefined();
  });

  test('with a corrupt entry is told of with its reason, and ends when the entry is corrected', () => {
    const machine = recovering(['INV']);
    machine.respond('report', () => [{ kind: 'corrupt', reason: 'the counter is not a value' }]);
    const { trouble } = machine.sequenceOf(TARGET);
    expect(trouble).toBeInstanceOf(CorruptEntryError);
    expect((trouble as Error).cause).toBe('the counter is not a value');
    machine.at(450);
    expect(machine.timesOf('report')).toEqual([0, 200, 400]);
    waitFor(machine, {}, ['INV']);
    machine.at(1_500);
    expect(phaseOf(machine)).toBe('serving');
  });
});

describe('the store alone', () => {
  test('is installed exactly when all have reported, and the event says after which time and by how many', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { epoch: 4n, ceiling: 900n, reported: ['node', 'b'], sinceMs: 1_234 });
    expect(machine.take('install').install).toMatchObject({ recovery: NAME, epoch: 0n, jumpTo: undefined });
    expect(machine.events).toEqual([]);
    machine.reply('install', true);
    expect(machine.events).toEqual([
      { type: 'sequence-recovered', prefixKey: 'INV', period: '', jumpedTo: undefined, afterMs: 1_234, nodes: 2 },
    ]);
  });

  test('is never installed by a node whose own report it has not taken down', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { reported: ['other'], sinceMs: 10_000 });
    machine.at(1_000);
    expect(machine.timesOf('report').length).toBeGreaterThan(2);
    expect(machine.askedOf('install')).toEqual([]);
  });

  test('is installed once at a time, and reported to at once when that is done', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { sinceMs: 5_000 });
    machine.at(220);
    expect(machine.open('install')).toHaveLength(1);
    waitFor(machine, {}, ['INV']);
    machine.reply('install', true);
    expect([phaseOf(machine), machine.timesOf('report').at(-1)]).toEqual(['serving', 220]);
  });

  test('that was installed by another node is no end: the node goes on reporting, and tells of nothing', () => {
    const machine = recovering(['INV']);
    waitFor(machine, { sinceMs: 5_000 });
    machine.reply('install', false);
    expect([phaseOf(machine), machine.events]).toEqual(['recovering', []]);
    machine.at(250);
    expect(machine.open('install')).toHaveLength(1);
  });

  test('that fails at the install is trouble, and asked again', () => {
    const machine = recovering(['INV']);
    const request = machine.ask(TARGET, 1);
    waitFor(machine, { sinceMs: 5_000 });
    machine.refuse('install', AWAY);
    expect(request.outcome).toBe(AWAY);
    machine.at(190);
    expect(machine.open('install')).toEqual([]);
    machine.at(250);
    expect(machine.open('install')).toHaveLength(1);
  });
});

describe('with ceilings kept elsewhere', () => {
  const ROW = { epoch: 1n, ceiling: 500n };
  const GRANTED: RecoveryOutcome = {
    kind: 'granted',
    epoch: 2n,
    grantedSince: 2n,
    ceiling: 500n,
    base: 1n,
    jumpTo: undefined,
    account: undefined,
  };
  const start = (parts: Partial<Waiting> = {}, limits: Partial<CounterLimits> = {}): Machine => {
    const machine = recovering(['INV'], { keepsCeilings: true, limits });
    waitFor(machine, { reported: ['node', 'z'], ...parts });
    return machine;
  };

  test('the first of those that have reported decides at once: the row is read, the end is asked for, and installed', () => {
    const machine = start();
    expect(machine.take('read').readers).toMatchObject([{ for: 'end', id: TARGET.sequence }]);
    machine.reply('read', [ROW]);
    expect(machine.take('recover').request).toMatchObject({ epoch: 1n, servedEpoch: 1n, server: NAME.server });
    machine.reply('recover', GRANTED);
    expect(machine.take('install').install).toMatchObject({ epoch: 2n, recovery: NAME, jumpTo: undefined, window: 0 });
    waitFor(machine, {}, ['INV']);
    machine.reply('install', true);
    // Served; but only as far as the ceilings know.
    expect([phaseOf(machine), machine.take('read').readers]).toMatchObject(['recovering', [{ for: 'confirm' }]]);
    machine.reply('read', [{ epoch: 2n, ceiling: 500n }]);
    expect([phaseOf(machine), machine.typesOf()]).toEqual(['serving', ['sequence-recovered']]);
    machine.at(1_000);
    expect(wakeAtMs(machine.state)).toBe(QUIET.tickMs);
  });

  test('a registered node that is silent is waited for; then counting goes on above the ceiling, and the event says so', () => {
    const machine = start();
    machine.respond('read', ({ readers }) => readers.map(() => ROW));
    machine.respond('recover', ({ request }) =>
      request.mayJump ? { ...GRANTED, jumpTo: 500n, base: 500n } : { kind: 'waiting', missing: ['silent'] },
    );
    machine.at(2_999);
    expect(machine.askedOf('install')).toEqual([]);
    machine.at(3_050);
    expect(machine.take('install').install).toMatchObject({ jumpTo: 500n, base: 500n });
    machine.reply('install', true);
    expect(machine.events).toMatchObject([{ type: 'sequence-recovered', prefixKey: 'INV', jumpedTo: 500n, nodes: 2 }]);
  });

  test.each<[string, Partial<CounterLimits>, number]>([
    ['15 s', {}, 15_000],
    ['as long as its limit says', { livingPatienceMs: 7_000 }, 7_000],
  ])(
    'a node heard of lately is waited for %s; then counting goes on above the ceiling',
    (_time, limits, patienceMs) => {
      const machine = start({}, limits);
      machine.respond('read', ({ readers }) => readers.map(() => ROW));
      machine.respond('recover', ({ request }) =>
        request.mayJumpRecent ? { ...GRANTED, jumpTo: 500n, base: 500n } : { kind: 'waiting', missing: ['busy'] },
      );
      machine.at(patienceMs - 1);
      expect(machine.askedOf('install')).toEqual([]);
      machine.at(patienceMs + 250);
      expect(machine.take('install').install).toMatchObject({ jumpTo: 500n, base: 500n });
    },
  );

  test('the third of them decides only after its turn has come, in case the others have died', () => {
    const machine = start({ reported: ['node', 'a', 'b'] });
    machine.at(999);
    expect(machine.open('read')).toEqual([]);
    machine.at(1_000);
    expect(machine.open('read')).toHaveLength(1);
  });

  test('asked every 50 ms about the same, their store is asked every 250 ms; about anything new at once', () => {
    const machine = start();
    machine.respond('read', ({ readers }) => readers.map(() => ROW));
    machine.respond('recover', () => ({ kind: 'waiting', missing: ['other'] }));
    machine.at(1_010);
    expect(machine.timesOf('report').length).toBeGreaterThan(18);
    expect(machine.timesOf('recover')).toEqual([0, 250, 500, 750, 1_000]);
    waitFor(machine, { reported: ['node', 'other', 'z'], sinceMs: 1_050 });
    machine.at(1_050);
    expect(machine.timesOf('recover').at(-1)).toBe(1_050);
  });

  test('asked about the same at an earlier time, as by a clock that was set back, their store is asked at once', () => {
    const machine = start({ sinceMs: 1_000 });
    machine.respond('read', ({ readers }) => readers.map(() => ROW));
    machine.respond('recover', () => ({ kind: 'waiting', missing: ['other'] }));
    machine.at(110);
    expect(machine.timesOf('recover')).toEqual([0]);
    waitFor(machine, { reported: ['node', 'z'], sinceMs: 999 });
    machine.at(250);
    expect(machine.timesOf('recover')).toEqual([0, 150]);
  });

  test('that cannot be asked bring no patient report forward', () => {
    const machine = start({ sinceMs: 3_000 });
    const patient = machine.timesOf('report').length;
    machine.at(10);
    machine.refuse('read', AWAY);
    machine.at(250);
    expect(machine.timesOf('report').slice(patient)).toEqual([250]);
  });

  test('a store that takes long to answer keeps nobody waiting for what this node knows: it goes on reporting meanwhile', () => {
    const machine = start();
    machine.at(1_000);
    expect(machine.timesOf('report').length).toBeGreaterThan(8);
    // Once per sequence.
    expect(machine.askedOf('read').filter(({ readers }) => readers[0]?.for === 'end')).toHaveLength(1);
    // Nor does one keep another waiting.
    machine.feed({ kind: 'recovery-began', id: targetOf('ORD').sequence });
    machine.reply('read', [ROW]);
    machine.at(1_200);
    machine.reply('read', [ROW]);
    machine.at(1_300);
    expect(reportsOf(machine, 'ORD')).toBeGreaterThan(0);
    expect(machine.open('recover')).toHaveLength(1);
  });

  test('the question that is answered when another node has ended the recovery does no harm', () => {
    const machine = start();
    machine.reply('read', [ROW]);
    waitFor(machine, {}, ['INV']);
    machine.at(50);
    machine.reply('recover', { kind: 'superseded', current: { epoch: 2n, ceiling: 500n } });
    machine.at(100);
    machine.reply('read', [{ epoch: 2n, ceiling: 500n }]);
    expect([phaseOf(machine), machine.state.recovery.asked]).toEqual(['serving', 0]);
  });

  test.each<[string, (machine: Machine) => void]>([
    ['nothing is missing', (machine) => machine.reply('recover', { kind: 'waiting', missing: [] })],
    ['the store is away', (machine) => machine.refuse('recover', AWAY)],
  ])('nor does the answer that %s', (_what, answer) => {
    const machine = start();
    machine.reply('read', [ROW]);
    waitFor(machine, {}, ['INV']);
    machine.at(50);
    machine.reply('read', [{ epoch: 2n, ceiling: 500n }]);
    const request = machine.ask(TARGET, 1);
    answer(machine);
    const { session, trouble } = machine.sequenceOf(TARGET);
    expect([phaseOf(machine), owesReport(session), trouble]).toEqual(['serving', false, undefined]);
    expect(request.outcome).toBeUndefined();
  });

  test('an epoch that was granted to another server is sworn off, and the recovery is exact then', () => {
    const machine = start({ sworn: 2n, epoch: 3n });
    machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
    machine.reply('recover', { kind: 'waiting', missing: [] });
    machine.at(50);
    expect(machine.askedOf('report').at(-1)?.reports).toMatchObject([{ epoch: 4n, brief: false }]);
  });

  test.each([
    ['is sworn off when all have reported', [], 4n],
    ['is not sworn off for nodes that are merely silent', ['silent'], 2n],
  ])('an epoch that only the ceilings know of %s', (_what, missing, epoch) => {
    const machine = start();
    for (const atMs of [300, 600]) {
      machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
      if (atMs === 600) machine.reply('recover', { kind: 'waiting', missing });
      machine.at(atMs);
    }
    expect(machine.askedOf('report').at(-1)?.reports).toMatchObject([{ epoch }]);
  });

  test('an epoch that was granted and is not installed yet is given a moment, and another one is asked for after that', () => {
    const machine = start();
    machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
    expect(machine.open('recover')).toEqual([]);
    machine.at(249);
    expect(machine.open('read')).toEqual([]);
    machine.at(300);
    machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
    expect(machine.take('recover').request).toMatchObject({ epoch: 3n, servedEpoch: 1n });
  });

  test('nothing is sworn off for nodes that are merely silent', () => {
    const machine = start();
    machine.reply('read', [{ epoch: 1n, ceiling: 500n }]);
    machine.reply('recover', { kind: 'waiting', missing: ['silent'] });
    machine.at(50);
    expect(machine.askedOf('report').at(-1)?.reports).toMatchObject([{ epoch: 2n }]);
  });

  test('a sequence that nobody counted begins above the initialSeq that was reported, though the config names a lower one by now', () => {
    const machine = machineOn({ keepsCeilings: true, limits: QUIET });
    machine.ask({ ...TARGET, initialSeq: 51n }, 1);
    machine.reply('register', undefined);
    machine.reply('read', [undefined]);
    waitFor(machine, { epoch: 0n, reported: ['node'] });
    machine.ask({ ...TARGET, initialSeq: 16n }, 1);
    machine.reply('read', [undefined]);
    expect(machine.take('recover').request).toMatchObject({ epoch: 0n, origin: 51n });
  });

  test('a sequence that nobody counted begins without a word: no recovery has come to its end', () => {
    const machine = machineOn({ keepsCeilings: true, limits: QUIET });
    machine.ask(TARGET, 1);
    machine.reply('register', undefined);
    machine.reply('read', [undefined]);
    waitFor(machine, { epoch: 0n, reported: ['node'] });
    machine.reply('read', [undefined]);
    machine.reply('recover', { ...GRANTED, epoch: 1n, grantedSince: 1n });
    machine.reply('install', true);
    expect([machine.askedOf('install').length, machine.events]).toEqual([1, []]);
  });

  test('a node that was only asked to report leaves the first contact to one that was asked for a number', () => {
    const machine = machineOn({ keepsCeilings: true, limits: QUIET });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.reply('register', undefined);
    machine.reply('read', [undefined]);
    waitFor(machine, { epoch: 0n, reported: ['node'] });
    machine.reply('read', [undefined]);
    expect([machine.open('recover'), phaseOf(machine)]).toEqual([[], 'recovering']);
    machine.ask(TARGET, 1);
    machine.at(250);
    machine.reply('read', [undefined]);
    expect(machine.take('recover').request).toMatchObject({ epoch: 0n, origin: 0n });
  });

  test('older than the counters, the sequence is refused with the way to repair them, and served once they are', () => {
    const machine = start({ epoch: 4n });
    const request = machine.ask(TARGET, 1);
    machine.reply('read', [{ epoch: 2n, ceiling: 500n }]);
    machine.reply('recover', { kind: 'behind', current: { epoch: 2n, ceiling: 500n } });
    expect(request.outcome).toBeInstanceOf(StorageUnavailableError);
    const { cause } = request.outcome as unknown as Error;
    expect(String(cause)).toContain('INV: epoch 2, ceiling 500 in PostgreSQL');
    expect(String(cause)).toContain('npm run repair');
    machine.at(200);
    machine.reply('read', [{ epoch: 4n, ceiling: 900n }]);
    machine.reply('recover', { ...GRANTED, epoch: 5n });
    expect(machine.take('install').install).toMatchObject({ epoch: 5n });
  });

  test.each([
    ['older than a counter store that serves', { epoch: 1n, ceiling: 500n }, 'epoch 1, ceiling 500'],
    ['empty although the counter store has counted', undefined, 'epoch none, ceiling none'],
  ])('%s, no call is made before they are repaired', (_title, row, cause) => {
    const machine = recovering(['INV'], { keepsCeilings: true });
    const request = machine.ask(TARGET, 1);
    waitFor(machine, {}, ['INV'], 4n);
    machine.reply('read', [row]);
    expect(String((request.outcome as unknown as Error).cause)).toContain(cause);
    expect([phaseOf(machine), machine.open('reserve')]).toEqual(['recovering', []]);
    machine.at(200);
    machine.reply('read', [{ epoch: 4n, ceiling: 900n }]);
    expect(phaseOf(machine)).toBe('serving');
  });

  test.each([
    ['stands there', 2n],
    ['is over', 3n],
  ])(
    'a node that swears off more while the epoch is looked up makes no call, and reports on: it %s',
    (_what, epoch) => {
      const machine = machineOn({ keepsCeilings: true, limits: QUIET });
      // The ceiling is moved in the background all the while.
      machine.begin(TARGET, { last: 9_000n, fence: { epoch: 1n, ceiling: 10_000n, wanted: 0n } });
      machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
      waitFor(machine, {}, ['INV']);
      expect(machine.take('read').readers).toMatchObject([{ for: 'confirm', epoch: 2n }]);
      machine.reply('account', [{ kind: 'unserved' }]);
      machine.reply('raise', [{ kind: 'superseded', current: { epoch: 3n, ceiling: 500n } }]);
      machine.reply('read', [{ epoch, ceiling: 500n }]);
      expect([phaseOf(machine), machine.open('reserve')]).toEqual(['recovering', []]);
      waitFor(machine, {}, ['INV'], 3n);
      machine.at(100);
      machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
      expect(phaseOf(machine)).toBe('serving');
    },
  );

  test('an epoch that others have gone on from is not counted in: the node swears it off, and reports at once', () => {
    const machine = recovering(['INV'], { keepsCeilings: true });
    waitFor(machine, {}, ['INV']);
    expect(machine.take('read').readers).toMatchObject([{ for: 'confirm', epoch: 2n }]);
    machine.at(160);
    expect(machine.timesOf('report')).toEqual([0]);
    machine.reply('read', [{ epoch: 4n, ceiling: 500n }]);
    expect(machine.timesOf('report')).toEqual([0, 160]);
    expect([phaseOf(machine), machine.open('reserve')]).toEqual(['recovering', []]);
    expect(machine.askedOf('report').at(-1)?.reports).toMatchObject([{ epoch: 4n, sworn: true }]);
    waitFor(machine, {}, ['INV'], 4n);
    machine.at(260);
    machine.reply('read', [{ epoch: 4n, ceiling: 500n }]);
    expect(phaseOf(machine)).toBe('serving');
  });

  test('an epoch that was confirmed once is not looked up again', () => {
    const machine = recovering(['INV'], { keepsCeilings: true });
    waitFor(machine, {}, ['INV']);
    machine.reply('read', [{ epoch: 2n, ceiling: 500n }]);
    machine.reply('reserve', [{ kind: 'forgotten' }]);
    machine.at(50);
    expect([machine.timesOf('report'), phaseOf(machine), machine.open('read')]).toEqual([[0, 50], 'serving', []]);
  });

  test.each(['read', 'recover', 'install'] as const)('that fail at %s are trouble until they are back', (port) => {
    const machine = start();
    const request = machine.ask(TARGET, 1);
    if (port !== 'read') machine.reply('read', [ROW]);
    if (port === 'install') machine.reply('recover', GRANTED);
    machine.refuse(port, AWAY);
    expect([request.outcome, machine.state.recovery.asked]).toEqual([AWAY, 0]);
    machine.at(199);
    expect(machine.open('read')).toEqual([]);
    machine.at(200);
    expect(machine.open('read')).toHaveLength(1);
  });

  test('their store is asked about 256 sequences at a time, and the others follow', () => {
    const keys = Array.from({ length: 300 }, (_, index) => `P${index}`);
    const machine = recovering(keys, { keepsCeilings: true });
    waitFor(machine, { reported: ['node'] });
    machine.at(500);
    machine.reply(
      'read',
      machine.take('read').readers.map(() => ROW),
    );
    if (machine.open('read').length > 0)
      machine.reply(
        'read',
        machine.take('read').readers.map(() => ROW),
      );
    expect(machine.open('recover')).toHaveLength(256);
    for (const ask of machine.open('recover')) machine.answer(ask, GRANTED);
    for (const ask of machine.open('install')) machine.answer(ask, true);
    machine.at(600);
    expect(machine.open('read')).not.toEqual([]);
  });
});

describe('the hint that a recovery has begun', () => {
  test('is followed once: a node that reports already goes on', () => {
    const machine = recovering(['INV']);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    expect(machine.askedOf('report')).toHaveLength(1);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 2n }]);
  });

  test('does not disturb a sequence that is being opened', () => {
    const machine = machineOn({ keepsCeilings: true, limits: QUIET });
    machine.ask(TARGET, 1);
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    expect(phaseOf(machine)).toBe('opening');
  });

  test('makes a node report that never counted there, where the ceilings know all nodes, and for the next epoch', () => {
    const machine = machineOn({ keepsCeilings: true, limits: QUIET });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    machine.reply('register', undefined);
    machine.reply('read', [{ epoch: 3n, ceiling: 500n }]);
    expect(machine.take('report').reports).toMatchObject([{ epoch: 4n, sworn: true, window: 0 }]);
  });

  test('is nothing to a node that never counted there, where nobody registers nodes', () => {
    const machine = machineOn({ isFenced: true, limits: QUIET });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    expect([machine.state.sequences.size, machine.asked]).toEqual([0, []]);
  });

  test.each([
    ['has as many sequences as it may have', { queuesMax: 0 }, false],
    ['is closing', {}, true],
  ])('is nothing to a node that never counted there and %s', (_title, limits, isClosing) => {
    const machine = machineOn({ keepsCeilings: true, limits: { ...QUIET, ...limits } });
    if (isClosing) machine.feed({ kind: 'close' });
    machine.feed({ kind: 'recovery-began', id: TARGET.sequence });
    expect(machine.state.sequences.size).toBe(0);
  });
});
