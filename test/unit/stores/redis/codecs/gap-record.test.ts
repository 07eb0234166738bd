/** The entries of the gap record, read back. */
import { describe, expect, test } from 'vitest';
import { readGap } from '../../../../../src/stores/redis/codecs/gap-record.ts';

describe('an entry of the gap record', () => {
  test('names range, reason, node and time', () => {
    expect(readGap('10', '14 node-crash node-a@7 1795224970')).toEqual({
      range: { first: 10n, last: 14n },
      reason: 'node-crash',
      node: 'node-a',
      recordedAtMs: 1_795_224_970_000,
    });
    expect(readGap('18446744073709551615', '18446744073709551615 advance - 1')).toEqual({
      range: { first: 18_446_744_073_709_551_615n, last: 18_446_744_073_709_551_615n },
      reason: 'advance',
      node: undefined,
      recordedAtMs: 1000,
    });
  });

  test('of a later version is a gap all the same, for a reason that is not known here, whatever follows', () => {
    expect(readGap('10', '14 withdrawn node-a 1795224970 more=1')).toMatchObject({
      range: { first: 10n, last: 14n },
      reason: 'withdrawn',
      node: 'node-a',
    });
  });

  test.each([
    ['x', '14 advance - 1'],
    ['10', '9 advance - 1'],
    ['10', 'x advance - 1'],
    ['10', '14 Lost! - 1'],
    ['10', '14 advance - x'],
    ['10', ''],
  ])('that someone else wrote is not read (%s: %s)', (field, entry) => {
    expect(readGap(field, entry)).toBeUndefined();
  });
});
