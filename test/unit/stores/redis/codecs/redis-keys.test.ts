/** The names of a sequence in Redis, there and back, with and without a prefix of all names. */
import { describe, expect, test } from 'vitest';
import { sequenceOf, seriesOf } from '../../../../../src/core/values/sequence-id.ts';
import { slotOf } from '../../../../../src/stores/redis/cluster/cluster-slots.ts';
import { createRedisKeys } from '../../../../../src/stores/redis/codecs/redis-keys.ts';

const PREFIXES = ['', 'shop:', 'a.b-', 'prod_'];

describe('the keys of a sequence', () => {
  test('share one hash tag', () => {
    const { ofSequence } = createRedisKeys('');
    expect(ofSequence(sequenceOf(seriesOf('INV'), ''))).toEqual({
      counter: 'sequence:INV',
      state: '{sequence:INV}:state',
      gaps: '{sequence:INV}:gaps',
    });
    expect(ofSequence(sequenceOf(seriesOf('INV'), '2026'))).toEqual({
      counter: '{sequence:INV}:2026',
      state: '{sequence:INV}:2026:state',
      gaps: '{sequence:INV}:2026:gaps',
    });
  });

  test('share one hash tag under a prefix too, which stands inside the braces', () => {
    const { ofSequence, receipt } = createRedisKeys('shop:');
    expect(ofSequence(sequenceOf(seriesOf('INV'), ''))).toEqual({
      counter: 'shop:sequence:INV',
      state: '{shop:sequence:INV}:state',
      gaps: '{shop:sequence:INV}:gaps',
    });
    expect(ofSequence(sequenceOf(seriesOf('INV'), '2026')).counter).toBe('{shop:sequence:INV}:2026');
    expect(receipt(seriesOf('INV'), 'abc')).toBe('{shop:sequence:INV}:receipt:abc');
  });

  test.each(PREFIXES)('and all others begin with the prefix "%s", or with a brace and it', (prefix) => {
    const names = createRedisKeys(prefix);
    const all = [
      ...Object.values(names.ofSequence(sequenceOf(seriesOf('INV'), ''))),
      ...[
        names.prefixConfigs,
        names.prefixHistories,
        names.prefixChanges,
        names.temporaryNumbers,
        names.apiKeys,
        names.workers,
      ],
      ...[names.receipt(seriesOf('INV'), 'a'), names.claim('a'), names.requestCount('a')],
      ...[names.keyAllowance('a'), names.probe(0), names.apiKeysOf('a')],
      ...names.channels,
    ];
    for (const name of all) expect(name.startsWith(prefix) || name.startsWith(`{${prefix}`)).toBe(true);
    expect(new Set(all).size).toBe(all.length);
  });

  test.each(PREFIXES)('configs and histories share a slot under "%s", and no counter is taken for one', (prefix) => {
    const { prefixConfigs, prefixHistories, prefixChanges, sequenceOfCounter } = createRedisKeys(prefix);
    const { apiKeys, apiKeysOf } = createRedisKeys(prefix);
    expect(slotOf(apiKeysOf('a'))).toBe(slotOf(apiKeys));
    expect(sequenceOfCounter(apiKeysOf('a'))).toBeUndefined();
    for (const key of [prefixHistories, prefixChanges]) {
      expect(slotOf(key)).toBe(slotOf(prefixConfigs));
      expect(sequenceOfCounter(key)).toBeUndefined();
    }
  });

  test.each(
    PREFIXES.flatMap((prefix) =>
      [
        ['INV', ''],
        ['INV', '2026-11-21'],
        ['INV:2026', ''],
        ['ORD-EU:1', '2026'],
        ['INV:state', ''],
        ['sequence:INV', '2026'],
        ['a.b', '2026-11'],
      ].map(([prefixKey = '', period = '']) => [prefix, prefixKey, period]),
    ),
  )('lead back to it under "%s": %s "%s"', (prefix, prefixKey, period) => {
    const names = createRedisKeys(prefix);
    const sequence = sequenceOf(seriesOf(prefixKey), period);
    expect(names.sequenceOfCounter(names.ofSequence(sequence).counter)).toEqual(sequence);
    expect(names.sequenceOfState(names.ofSequence(sequence).state)).toEqual(sequence);
  });

  test.each([
    ['', '', 'NORTH', ''],
    ['', '', 'NORTH~A', '2026'],
    ['', '2026-07-01', '', '2026'],
    ['acme', '2026-07-01', 'state', '2026-11'],
    ['acme', '', '', ''],
  ])('lead back to it in workspace "%s", line "%s", scope "%s", period "%s"', (workspace, line, scope, period) => {
    const names = createRedisKeys('ng:');
    const sequence = { series: seriesOf('INV', workspace), line, scope, period };
    expect(names.sequenceOfCounter(names.ofSequence(sequence).counter)).toEqual(sequence);
    expect(names.sequenceOfState(names.ofSequence(sequence).state)).toEqual(sequence);
  });

  test.each([
    '',
    'sequence:',
    '{sequence:INV}',
    '{sequence:}:2026',
    '{sequence:INV}:',
    'prefix_configs',
    'my sequence:INV',
    'shop:sequence:INV',
  ])('are not of this kind: "%s"', (key) => {
    expect(createRedisKeys('').sequenceOfCounter(key)).toBeUndefined();
  });

  test.each(['sequence:INV', 'aXb-sequence:INV', 'a.b-c-sequence:INV', '{sequence:INV}:2026'])(
    'are not those of the prefix "a.b-": "%s"',
    (key) => {
      expect(createRedisKeys('a.b-').sequenceOfCounter(key)).toBeUndefined();
    },
  );
});

describe('the channels', () => {
  test('carry the number of the database, for all databases of a server share them; that of 0 stands nowhere', () => {
    expect(createRedisKeys('ng:').channels).toEqual(['ng:prefix_configs:changed', 'ng:sequences:recovering']);
    expect(createRedisKeys('ng:', 1).channels).toEqual(['ng:prefix_configs:changed@1', 'ng:sequences:recovering@1']);
  });
});
