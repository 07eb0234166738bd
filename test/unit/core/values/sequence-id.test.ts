/** The texts that stand for series and sequences lead back to them, and no two share one. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cellsOf,
  columnsOf,
  readColumns,
  readSequenceKey,
  readSeriesKey,
  type SequenceId,
  sequenceKeyOf,
  sequenceOf,
  seriesKeyOf,
  seriesOf,
} from '../../../../src/core/values/sequence-id.ts';

const prefixKeys = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}$/);
const workspaces = fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,10}$/));
const seriesIds = fc.record({ workspace: workspaces, prefixKey: prefixKeys }, { noNullPrototype: true });
const sequences: fc.Arbitrary<SequenceId> = fc.record(
  {
    series: seriesIds,
    line: fc.constantFrom('', '2026-07-01', '2027-01-01'),
    scope: fc.oneof(fc.constant(''), fc.stringMatching(/^[A-Za-z0-9]{1,8}(~[A-Za-z0-9]{1,8})?$/)),
    period: fc.constantFrom('', '2026', '2026-11', '2026-11-29', 'fy2026'),
  },
  { noNullPrototype: true },
);

describe('a series', () => {
  test('is read back from its key', () => {
    fc.assert(
      fc.property(seriesIds, (series) => {
        expect(readSeriesKey(seriesKeyOf(series))).toEqual(series);
      }),
    );
  });

  test('of the default workspace is called by its prefix key alone', () => {
    expect(seriesKeyOf(seriesOf('INV'))).toBe('INV');
    expect(seriesKeyOf({ workspace: '', prefixKey: 'INV' })).toBe('INV');
    expect(readSeriesKey('INV')).toEqual({ workspace: '', prefixKey: 'INV' });
    expect(seriesKeyOf(seriesOf('INV', 'acme'))).toBe('acme/INV');
  });
});

describe('a sequence', () => {
  test('is read back from its columns', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        expect(readColumns(columnsOf(sequence))).toEqual(sequence);
      }),
    );
  });

  test('has the same columns in the order of statements', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const { prefixKey, period } = columnsOf(sequence);
        expect(cellsOf(sequence)).toEqual([prefixKey, period]);
      }),
    );
  });

  test('is read back from its key, and from no text that is none', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        expect(readSequenceKey(sequenceKeyOf(sequence))).toEqual(sequence);
      }),
    );
    expect(['', 'INV', ' 2026', 'INV 2026 11', '*'].map(readSequenceKey)).toEqual(Array(5).fill(undefined));
  });

  test('shares its key with no other', () => {
    fc.assert(
      fc.property(sequences, sequences, (one, other) => {
        const isSame = JSON.stringify(columnsOf(one)) === JSON.stringify(columnsOf(other));
        expect(sequenceKeyOf(one) === sequenceKeyOf(other)).toBe(isSame);
      }),
    );
  });

  test('without line and scope is stored as it was before there were any', () => {
    expect(columnsOf(sequenceOf(seriesOf('INV'), '2026'))).toEqual({ prefixKey: 'INV', period: '2026' });
    expect(sequenceKeyOf(sequenceOf(seriesOf('INV'), ''))).toBe('INV ');
  });

  test('with line and scope is stored under both, and under one alone', () => {
    const sequence = { series: seriesOf('INV'), line: '2026-07-01', scope: 'NORTH~A', period: '2026' };
    expect(columnsOf(sequence).period).toBe('@2026-07-01:~NORTH~A:2026');
    expect(columnsOf({ ...sequence, line: '' }).period).toBe('~NORTH~A:2026');
    expect(columnsOf({ ...sequence, scope: '', period: '' }).period).toBe('@2026-07-01');
  });
});
