/** The checker itself: it accepts what is right, and reports each kind of wrong that was planted. */
import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../support/history.ts';
import { checkEvidence, type Evidence } from './account.ts';
import type { StoredSequence } from './stored-sequence.ts';

const record = (startMs: number, value: number | string, change: Partial<RequestRecord> = {}): RequestRecord => ({
  client: 'a1',
  node: 'a',
  count: 1,
  startMs,
  endMs: startMs + 5,
  status: 200,
  numbers: [typeof value === 'string' ? value : `K-${value}`],
  source: 'redis',
  problem: undefined,
  retryAfter: undefined,
  error: undefined,
  ...change,
});

const unanswered = (startMs: number, change: Partial<RequestRecord>): RequestRecord =>
  record(startMs, 0, { numbers: [], source: undefined, status: undefined, ...change });

const stored = (counter: number, change: Partial<StoredSequence> = {}): StoredSequence => ({
  counter,
  ahead: [],
  free: [],
  gaps: [],
  lastRanges: [],
  calls: new Map(),
  ...change,
});

const findingsOf = (evidence: Partial<Evidence> & Pick<Evidence, 'records' | 'stored'>): string[] =>
  checkEvidence({ prefixKey: 'K', boundMs: 100, ...evidence }).findings.map(({ kind, text }) => `${kind}: ${text}`);

const oneToThree = [record(0, 1), record(10, 2), record(20, 3)];
const crashed = [{ label: 'b', name: 'nb' }];

describe('the account of values', () => {
  test('accepts 1, 2, 3, standby values ahead, values given back, and recorded gaps', () => {
    const records = [
      ...oneToThree,
      record(30, 11, { source: 'standby' }),
      record(40, 'TMP-K-nb-1-1', { source: 'temporary' }),
    ];
    const state = stored(6, {
      ahead: [{ first: 11, last: 11, holder: '-' }],
      free: [{ first: 4, last: 4, holder: '-' }],
      gaps: [{ first: 5, last: 6, reason: 'advance', holder: '-' }],
    });
    const verdict = checkEvidence({ prefixKey: 'K', boundMs: 100, records, stored: state });
    expect(verdict.findings).toEqual([]);
    expect(verdict).toMatchObject({ issued: 4, highest: 11, recordedGaps: 2 });
  });

  test('reports a number that two clients have', () => {
    expect(findingsOf({ records: [...oneToThree, record(30, 3, { client: 'b1' })], stored: stored(3) })).toEqual([
      'duplicate: K-3: a1 and b1',
    ]);
  });

  test('reports a temporary number that two clients have', () => {
    const twice = [
      record(0, 'TMP-K-n-1-1', { source: 'temporary' }),
      record(9, 'TMP-K-n-1-1', { source: 'temporary' }),
    ];
    expect(findingsOf({ records: twice, stored: stored(0) })).toEqual(['duplicate: TMP-K-n-1-1: a1 and a1']);
  });

  test('reports a value that is nowhere, below the counter and in what counts as used ahead of it', () => {
    expect(findingsOf({ records: [record(0, 1), record(20, 3)], stored: stored(3) })).toEqual([
      'unexplained: 2 was neither issued nor recorded nor held',
    ]);
    const ahead = [{ first: 9, last: 9, holder: '-' }];
    expect(findingsOf({ records: oneToThree, stored: stored(3, { ahead }) })).toEqual([
      'unexplained: 9 counts as used, but nobody has it',
    ]);
  });

  test('reports a segment that a node has kept though it left in good order, and accepts it of a live or a killed one', () => {
    const ahead = [{ first: 9, last: 12, holder: 'nb' }];
    const evidence = { records: oneToThree, stored: stored(3, { ahead }) };
    expect(findingsOf(evidence)).toEqual(['unexplained: 9-12 is held by nb, which has left']);
    expect(findingsOf({ ...evidence, live: new Set(['nb']) })).toEqual([]);
    expect(findingsOf({ ...evidence, killed: crashed })).toEqual([]);
  });

  test('reports an issued value that is free, recorded as a gap, or going to be issued again', () => {
    const free = [{ first: 3, last: 3, holder: '-' }];
    const gaps = [{ first: 2, last: 2, reason: 'node-crash', holder: 'nc' }];
    expect(findingsOf({ records: oneToThree, stored: stored(3, { free, gaps }) })).toEqual([
      'overlap: 3 is free, but was issued',
      'overlap: 2 is a gap (node-crash), but was issued',
    ]);
    expect(findingsOf({ records: oneToThree, stored: stored(2) })).toEqual([
      'overlap: 3 was issued, and will be again',
    ]);
  });

  test('reports a value in two lists', () => {
    const both = [{ first: 4, last: 4, holder: '-' }];
    const state = stored(4, { free: both, gaps: [{ first: 4, last: 4, reason: 'advance', holder: '-' }] });
    expect(findingsOf({ records: oneToThree, stored: state })).toEqual([
      'overlap: 4 is a gap (advance), and in another list too',
    ]);
  });

  test('lets a killed node lose what is in its last call, and one value per connection cut; not one more', () => {
    const cut = unanswered(30, { node: 'b', error: 'ECONNRESET' });
    const records = [...oneToThree, cut];
    const absences = [{ label: 'b', fromMs: 30, toMs: 40 }];
    const lastRanges = [{ first: 4, last: 5, holder: 'nb' }];
    const evidence = { prefixKey: 'K', boundMs: 100, records, absences, killed: crashed };
    const lenient = checkEvidence({ ...evidence, stored: stored(6, { lastRanges }) });
    expect(lenient.findings).toEqual([]);
    expect(lenient.tolerated).toEqual({ inLastCalls: 2, inCutReplies: 1, outOfOrder: 0 });
    expect(findingsOf({ ...evidence, stored: stored(7, { lastRanges }) })).toEqual([
      'unexplained: 7 was neither issued nor recorded nor held',
    ]);
    expect(findingsOf({ ...evidence, killed: [], stored: stored(6, { lastRanges }) })).toHaveLength(3);
  });
});

describe('the order of values', () => {
  const backwards = [record(0, 1), record(10, 3), record(20, 2)];

  test('reports a value below the one the client had before, unless it came from the standby or in a disturbance', () => {
    const text = 'regression: a1 was given 2 after 3, while nothing was wrong';
    expect(findingsOf({ records: backwards, stored: stored(3) })).toEqual([text]);
    expect(findingsOf({ records: backwards, stored: stored(3), disturbances: [{ fromMs: 0, toMs: 20 }] })).toEqual([
      text,
    ]);
    expect(findingsOf({ records: backwards, stored: stored(3), disturbances: [{ fromMs: 0, toMs: 21 }] })).toEqual([]);
    const standby = [record(0, 1), record(10, 3, { source: 'standby' }), record(20, 2)];
    expect(findingsOf({ records: standby, stored: stored(3) })).toEqual([]);
  });

  test('reports a batch that falls', () => {
    const batch = [record(0, 0, { numbers: ['K-2', 'K-1'], count: 2 })];
    expect(findingsOf({ records: batch, stored: stored(2) })).toHaveLength(1);
  });

  test('compares clients with each other only when a global order is asked for, and requests that overlap never', () => {
    const other = [record(0, 1), record(10, 3), record(20, 2, { client: 'b1' })];
    expect(findingsOf({ records: other, stored: stored(3) })).toEqual([]);
    expect(findingsOf({ records: other, stored: stored(3), order: 'global' })).toHaveLength(1);
    const together = [record(0, 1), record(10, 3), record(14, 2, { client: 'b1' })];
    expect(findingsOf({ records: together, stored: stored(3), order: 'global' })).toEqual([]);
  });
});

describe('the answers', () => {
  test('reports a request that never ended, and one that took longer than the bound', () => {
    const records = [record(0, 1, { endMs: 101 }), unanswered(10, { endMs: undefined })];
    expect(findingsOf({ records, stored: stored(1) })).toEqual([
      'pending: a1 waited 101 ms for a',
      'pending: a1 still waits for a',
    ]);
  });

  test('adds the time a node was absent to the bound', () => {
    const absences = [{ label: 'a', fromMs: 10, toMs: 60 }];
    const evidence = { stored: stored(1), absences };
    expect(findingsOf({ ...evidence, records: [record(0, 1, { endMs: 150 })] })).toEqual([]);
    expect(findingsOf({ ...evidence, records: [record(0, 1, { endMs: 151 })] })).toHaveLength(1);
  });

  test('reports a connection that was refused or cut by a node that should be there', () => {
    const records = [unanswered(0, { error: 'ECONNREFUSED' })];
    expect(findingsOf({ records, stored: stored(0) })).toEqual(['no-answer: a1 at a: ECONNREFUSED']);
    expect(findingsOf({ records, stored: stored(0), absences: [{ label: 'a', fromMs: 4, toMs: 9 }] })).toEqual([]);
  });

  test('reports an error without a problem document, and a 503 without Retry-After', () => {
    const refused = { status: 503, problem: 'STORAGE_UNAVAILABLE', retryAfter: '1' };
    expect(findingsOf({ records: [unanswered(0, refused)], stored: stored(0) })).toEqual([]);
    const bad = [unanswered(0, { ...refused, retryAfter: undefined }), unanswered(0, { status: 500 })];
    expect(findingsOf({ records: bad, stored: stored(0) })).toHaveLength(2);
  });
});
