/** The names of a sequence in Redis, there and back. */
import { describe, expect, it } from 'vitest';
import { sequenceKeys, sequenceOfKey } from '../../../src/stores/redis/redis-keys.ts';

describe('the keys of a sequence', () => {
  it('share one hash tag', () => {
    expect(sequenceKeys({ prefixKey: 'INV', period: '' })).toEqual({
      counter: 'sequence:INV',
      state: '{sequence:INV}:state',
      gaps: '{sequence:INV}:gaps',
    });
    expect(sequenceKeys({ prefixKey: 'INV', period: '2026' })).toEqual({
      counter: '{sequence:INV}:2026',
      state: '{sequence:INV}:2026:state',
      gaps: '{sequence:INV}:2026:gaps',
    });
  });

  it.each([
    ['INV', ''],
    ['INV', '2026-11-21'],
    ['INV:2026', ''],
    ['ORD-EU:1', '2026'],
    ['INV:state', ''],
    ['sequence:INV', '2026'],
    ['a.b', '2026-11'],
  ])('lead back to it: %s "%s"', (prefixKey, period) => {
    const sequence = { prefixKey, period };
    expect(sequenceOfKey(sequenceKeys(sequence).counter)).toEqual(sequence);
  });

  it.each([
    '',
    'sequence:',
    '{sequence:INV}',
    '{sequence:}:2026',
    '{sequence:INV}:',
    'prefix_configs',
    'my sequence:INV',
  ])('are not of this kind: "%s"', (key) => {
    expect(sequenceOfKey(key)).toBeUndefined();
  });
});
