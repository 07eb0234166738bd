/** What became of a value: by the state of its counter, its gap record, its ledger; and when nobody can say. */
import { expect, test } from 'vitest';
import type { SequenceState } from '../../../../src/core/counter/counter-store.ts';
import type { Gap } from '../../../../src/core/values/gap.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createValueTracer } from '../../../../src/services/completeness/value-tracer.ts';
import { configOf } from '../../fakes/config-of.ts';

const SEQUENCE = sequenceOf(seriesOf('INV'), '');
const STATE: SequenceState = {
  value: 100n,
  origin: 10n,
  free: [{ first: 40n, last: 41n }],
  ahead: [
    { first: 200n, last: 209n, node: 'n1' },
    { first: 210n, last: 219n, node: undefined },
  ],
  changes: '1',
  recovering: false,
};
const gap = (first: bigint, last: bigint, reason: Gap['reason'], node?: string): Gap => ({
  range: { first, last },
  reason,
  node,
  recordedAtMs: 0,
});
const GAPS = [
  gap(20n, 22n, 'advance'),
  gap(30n, 32n, 'node-crash', 'n2'),
  gap(34n, 34n, 'recovery-jump'),
  gap(36n, 36n, 'void'),
];

const trace = (
  value: bigint,
  more: Partial<SequenceState> = {},
  config: object = {},
  gaps: readonly Gap[] = GAPS,
  version = 1,
) => {
  let looks = 0;
  return createValueTracer({
    counters: {
      inspect: async () => {
        looks += 1;
        return { ...STATE, ...more, changes: more.changes === 'always' ? `${looks}` : '1' };
      },
      listGaps: async () => gaps,
    },
    ledger: undefined,
  }).trace(configOf('INV', { format: '{SEQ:4}', ...config }, version), SEQUENCE, value);
};

test.each([
  [50n, 'issued', 'has passed it'],
  [101n, 'not-issued', 'not reached'],
  [10n, 'not-issued', 'began above'],
  [21n, 'not-issued', 'skipped'],
  [31n, 'unknown', 'n2'],
  [34n, 'unknown', 'recovery-jump'],
  [36n, 'not-issued', 'voided'],
  [40n, 'not-issued', 'given back'],
  [205n, 'unknown', 'standby segment of the node n1'],
  [210n, 'issued', 'ahead of the counter'],
])('%i is %s: %s', async (value, issued, reason) => {
  expect(await trace(value)).toEqual({ issued, reason: expect.stringContaining(reason) });
});

test('a sequence that nobody counted has issued nothing', async () => {
  expect(await trace(1n, { value: undefined, origin: undefined }, {}, [])).toMatchObject({ issued: 'not-issued' });
});

test('where the store does not know where counting began, only what lies above something it lists is issued', async () => {
  const config = { initialSeq: 9 };
  const legacy = { origin: undefined };
  const traceIn = (value: bigint, version: number) => trace(value, legacy, { ...config }, GAPS, version);
  expect(await traceIn(15n, 2)).toMatchObject({ issued: 'unknown' });
  expect(await traceIn(50n, 2)).toMatchObject({ issued: 'issued' });
  // A config that was never changed says how it was when counting began.
  expect(await traceIn(15n, 1)).toMatchObject({ issued: 'issued' });
  expect(await traceIn(5n, 1)).toMatchObject({ issued: 'unknown' });
});

test('nobody can say during a recovery, while the record changes all the time, or when it is too long', async () => {
  expect(await trace(50n, { recovering: true })).toMatchObject({ issued: 'unknown' });
  expect(await trace(50n, { changes: 'always' })).toMatchObject({ issued: 'unknown' });
  const long = Array.from({ length: 10_000 }, (_, index) => gap(BigInt(index + 1), BigInt(index + 1), 'advance'));
  expect(await trace(20_000n, { value: 30_000n }, {}, long)).toMatchObject({ issued: 'unknown' });
});

test('a strategy without an account of its values leaves it open', async () => {
  expect(await trace(50n, {}, { strategy: 'snowflake', format: '{SEQ:19}' })).toMatchObject({ issued: 'unknown' });
});

test.each([
  ['issued', 'issued'],
  ['confirmed', 'issued'],
  ['reserved', 'not-issued'],
  ['void', 'not-issued'],
  ['lost', 'unknown'],
] as const)('a ledger row that is %s means %s', async (state, issued) => {
  const row = {
    value: 7n,
    number: '0007',
    state,
    takenAtMs: 0,
    changedAtMs: 0,
    subject: undefined,
    keyHash: undefined,
  };
  const tracer = createValueTracer({
    counters: { inspect: async () => STATE, listGaps: async () => [] },
    ledger: { findRow: async (_sequence, value) => (value === 7n ? { ...row, reservation: undefined } : undefined) },
  });
  const config = configOf('INV', { format: '{SEQ:4}', strategy: 'gapless' });
  expect(await tracer.trace(config, SEQUENCE, 7n)).toMatchObject({ issued });
  expect(await tracer.trace(config, SEQUENCE, 8n)).toMatchObject({ issued: 'not-issued' });
});
