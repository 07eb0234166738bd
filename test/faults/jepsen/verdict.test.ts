/** The harness's own checker: it accepts what is right, and reports each kind of wrong that was planted. */
import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../../support/history.ts';
import type { FinalSequence, NemesisWindow, RunHistory } from './evidence.ts';
import { describeRun } from './report.ts';
import { summarize } from './summary.ts';
import { judge } from './verdict.ts';

const record = (startMs: number, value: number, change: Partial<RequestRecord> = {}): RequestRecord => ({
  client: 'a1',
  node: 'a',
  prefixKey: 'K',
  count: 1,
  startMs,
  endMs: startMs + 5,
  status: 200,
  numbers: [`K-${value}`],
  source: 'redis',
  problem: undefined,
  retryAfter: undefined,
  error: undefined,
  ...change,
});

const cut = (startMs: number, change: Partial<RequestRecord> = {}): RequestRecord =>
  record(startMs, 0, { numbers: [], source: undefined, status: undefined, error: 'ECONNRESET', ...change });

const finalK = (counter: number, change: Partial<FinalSequence> = {}): FinalSequence => ({
  sequence: 'K',
  prefixKey: 'K',
  initialSeq: 0,
  counter,
  ahead: [],
  free: [],
  lastRanges: [],
  gaps: [],
  raw: {},
  ...change,
});

const nemesis = (name: string, fromMs: number, toMs: number): NemesisWindow => ({
  name,
  fromMs,
  healedMs: toMs,
  toMs,
  did: 'something',
  recoveryMs: 1,
});

const historyOf = (requests: RequestRecord[], final: FinalSequence, change: Partial<RunHistory> = {}): RunHistory => ({
  facts: {
    backend: 'redis',
    build: 'ours',
    seed: 1,
    minutes: 1,
    nemeses: [],
    originMs: 0,
    prefixes: [{ prefixKey: 'K', initialSeq: 0, reset: 'never' }],
    boundMs: 100,
  },
  requests,
  windows: [],
  absences: [],
  givenBack: [],
  sequences: [final],
  remarks: [],
  ...change,
});

const kindsOf = (...given: Parameters<typeof historyOf>): string[] =>
  judge(historyOf(...given)).findings.map(({ kind, text }) => `${kind}: ${text.split(';')[0]}`);

const gap = (first: number, last: number, reason: string, atMs = 0) => ({ first, last, reason, holder: '-', atMs });
const held = (first: number, last: number, holder: string) => ({ first, last, holder });
const oneToThree = [record(10, 1), record(20, 2), record(30, 3)];
const killed = [{ label: 'a', kind: 'killed', fromMs: 1_000, toMs: 2_000 }] as const;

describe('the account of values', () => {
  test('accepts issued, recorded, given back and held values', () => {
    const final = finalK(6, {
      ahead: [held(11, 11, '-'), held(20, 29, 'n1')],
      free: [held(4, 4, '-')],
      gaps: [gap(5, 6, 'advance')],
    });
    const verdict = judge(historyOf([...oneToThree, record(40, 11, { source: 'standby' })], final));
    expect(verdict.findings).toEqual([]);
    expect(verdict.figures.get('K')).toMatchObject({ issued: 4, highest: 11, held: 10, issuedInGaps: 0 });
  });

  test('reports a number that was handed out twice, with both requests and the nemesis between them', () => {
    const requests = [...oneToThree, record(60, 3, { client: 'b1', node: 'b', source: 'standby' })];
    const windows = [nemesis('aof-cut', 40, 50)];
    const [finding, ...others] = judge(historyOf(requests, finalK(3), { windows })).findings;
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ kind: 'duplicate', nemesis: 'aof-cut' });
    expect(finding?.text).toBe(
      'K-3: a1 at node a, 0.030 s (00:00:00.030Z, 5 ms), redis, before all nemeses; again: ' +
        'b1 at node b, 0.060 s (00:00:00.060Z, 5 ms), standby, 10 ms after the repair of aof-cut; between them aof-cut',
    );
  });

  test('tells the same values of two periods apart', () => {
    const inOctober = record(10, 0, { numbers: ['M-2026-10-000001'], prefixKey: 'M' });
    const inNovember = record(20, 0, { numbers: ['M-2026-11-000001'], prefixKey: 'M' });
    const final = (sequence: string) => finalK(1, { sequence, prefixKey: 'M' });
    const sequences = [final('M:2026-10'), final('M:2026-11')];
    expect(kindsOf([inOctober, inNovember], finalK(0), { sequences })).toEqual([]);
  });

  test('reports values that are nowhere, as ranges', () => {
    expect(kindsOf([record(10, 1), record(20, 5)], finalK(5))).toEqual(['gap: K: 2-4 (3 values) in no list']);
  });

  test('reports a missing end of what was counted, and not what lies between it and values used ahead', () => {
    const requests = [...oneToThree, record(40, 9, { source: 'standby' })];
    const final = finalK(5, { ahead: [held(9, 9, '-')] });
    expect(kindsOf(requests, final)).toEqual(['gap: K: 4-5 (2 values) in no list']);
  });

  test('reports values that the state calls used, and nobody has', () => {
    expect(kindsOf(oneToThree, finalK(3, { ahead: [held(9, 10, '-')] }))).toEqual([
      'gap: K: 9-10 (2 values) in the state as used ahead',
    ]);
  });

  test('accepts issued values in a gap of which nobody can say whether they were, and in no other', () => {
    const doubtful = [gap(2, 2, 'recovery-jump'), gap(3, 3, 'node-crash')];
    const verdict = judge(historyOf(oneToThree, finalK(3, { gaps: doubtful })));
    expect(verdict.findings).toEqual([]);
    expect(verdict.figures.get('K')).toMatchObject({ issuedInGaps: 2 });
    expect(kindsOf(oneToThree, finalK(3, { gaps: [gap(2, 3, 'advance')] }))).toEqual([
      'overlap: K: 2-3 (2 values) is issued and in the gap record',
    ]);
  });

  test('reports issued values that are going to be issued again', () => {
    expect(kindsOf(oneToThree, finalK(2))).toEqual([
      'overlap: K: 3 was issued, and will be again: the counter is at 2',
    ]);
    expect(kindsOf(oneToThree, finalK(3, { free: [held(2, 2, '-')] }))).toEqual([
      'overlap: K: 2 is issued and given back, to be handed out',
    ]);
  });

  test('excuses one value per number that a killed node left unanswered, at that time; not one more', () => {
    const requests = [record(900, 1), cut(990), record(2_100, 3)];
    const verdict = judge(historyOf(requests, finalK(3), { absences: killed }));
    expect(verdict.findings).toEqual([]);
    expect(verdict.figures.get('K')).toMatchObject({ cutOff: 1 });
    const more = [record(900, 1), cut(990), record(2_100, 4)];
    expect(kindsOf(more, finalK(4), { absences: killed })).toEqual([
      'gap: K: 2-3 (2 values) in no list, 1 of them without an excuse',
    ]);
  });

  test('excuses nothing by a refused connection, a node that lives, another prefix, or long before', () => {
    const gapped = (request: RequestRecord) => [record(900, 1), request, record(2_100, 3)];
    expect(kindsOf(gapped(cut(990, { error: 'ECONNREFUSED' })), finalK(3), { absences: killed })).toHaveLength(1);
    expect(kindsOf(gapped(cut(990, { node: 'b' })), finalK(3), { absences: killed })).toHaveLength(1);
    expect(kindsOf(gapped(cut(990, { prefixKey: 'M' })), finalK(3), { absences: killed })).toHaveLength(1);
    const longAgo = [cut(990), record(20_000, 1), record(20_100, 3)];
    expect(kindsOf(longAgo, finalK(3), { absences: killed })).toHaveLength(1);
  });

  test('excuses what stands in the last call of a node when nodes were killed, and only then', () => {
    const final = finalK(3, { lastRanges: [held(2, 2, 'n1')] });
    const requests = [record(10, 1), record(20, 3)];
    expect(kindsOf(requests, final, { absences: killed })).toEqual([]);
    expect(kindsOf(requests, final)).toEqual(['gap: K: 2 in the last call of a node']);
  });

  test('reports values jumped over after a clean restart', () => {
    const windows = [nemesis('redis-restart', 40, 50)];
    const final = finalK(3, { gaps: [gap(2, 2, 'recovery-jump', 45)] });
    expect(kindsOf([record(10, 1), record(60, 3)], final, { windows })).toEqual([
      'gap: K: 2-2 jumped over after a clean restart of Redis',
    ]);
    // But a node that was killed before is waited for in vain.
    expect(kindsOf([record(10, 1), record(60, 3)], final, { windows, absences: killed })).toEqual([]);
  });
});

describe('the order of values', () => {
  const backwards = [record(10, 1), record(20, 3), record(30, 2)];

  test('reports a value below an earlier one of the same client', () => {
    expect(kindsOf(backwards, finalK(3))).toEqual([expect.stringContaining('order: K: 2 after 3')]);
  });

  test('accepts it of the standby, of another client, in a nemesis, and when values were given back', () => {
    const standby = [record(10, 1), record(20, 3, { source: 'standby' }), record(30, 2)];
    expect(kindsOf(standby, finalK(3))).toEqual([]);
    const other = [record(10, 1), record(20, 3), record(30, 2, { client: 'a2' })];
    expect(kindsOf(other, finalK(3))).toEqual([]);
    expect(kindsOf(backwards, finalK(3), { windows: [nemesis('link-cut', 0, 31)] })).toEqual([]);
    expect(kindsOf(backwards, finalK(3), { givenBack: [{ sequence: 'K', fromMs: 0, toMs: 31 }] })).toEqual([]);
  });
});

describe('the answers', () => {
  test('reports a request without an end, and one that took too long; but for the time its node was absent', () => {
    const late = record(1_000, 1, { endMs: 1_101 });
    expect(kindsOf([late, cut(1_200, { endMs: undefined, error: undefined })], finalK(1))).toEqual([
      expect.stringContaining('pending: 101 ms'),
      expect.stringContaining('pending: No end'),
    ]);
    expect(kindsOf([late], finalK(1), { absences: killed })).toEqual([]);
  });

  test('does not call a history clean whose end is missing', () => {
    const requests = [...oneToThree, record(40, 3, { client: 'b1' })];
    expect(kindsOf(requests, finalK(3), { sequences: [] })).toEqual([
      expect.stringContaining('duplicate: K-3'),
      expect.stringContaining('service: The final state of K was not read: only duplicates'),
    ]);
  });

  test('reports what the harness saw', () => {
    const remarks = [{ atMs: 5, kind: 'finding', text: 'No node came back.' } as const];
    expect(kindsOf(oneToThree, finalK(3), { remarks })).toEqual(['service: No node came back.']);
  });
});

describe('the summary', () => {
  test('counts requests, refusals, standby, duplicates and recorded gaps under their nemesis', () => {
    const requests = [
      record(10, 1),
      record(50, 2, { source: 'standby' }),
      record(60, 0, { numbers: [], status: 503, problem: 'STORAGE_UNAVAILABLE', source: undefined }),
      record(900, 2),
    ];
    const windows = [nemesis('flushall', 40, 950)];
    const final = finalK(4, { gaps: [gap(3, 4, 'recovery-jump', 0)] });
    const history = historyOf(requests, final, { windows });
    const verdict = judge(history);
    const line = summarize(history, verdict).find(({ name }) => name === 'flushall');
    expect(line).toMatchObject({ runs: 1, requests: 3, refused: 1, standby: 1, duplicates: 1, unavailableMs: 850 });
    expect([...(line?.gaps ?? [])]).toEqual([['recovery-jump', 2]]);
    expect(describeRun(history, verdict)).toContain(
      'FINDINGS: ours on redis, seed 1: 4 requests, 1 nemeses (0 idle): duplicate 1',
    );
  });
});
