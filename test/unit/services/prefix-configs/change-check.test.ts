/** Changes of a live prefix that would print a number again are refused, with the reason. */
import { describe, expect, test } from 'vitest';
import { limitOf, type PrefixConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../../src/core/prefix-config/prefix-config-rules.ts';
import { SNOWFLAKE_MIN } from '../../../../src/core/snowflake/snowflake.ts';
import { sequenceOf, seriesOf } from '../../../../src/core/values/sequence-id.ts';
import { createSeriesCache } from '../../../../src/services/numbers/series-cache.ts';
import { createCollisionCheck } from '../../../../src/services/prefix-configs/collision-check.ts';
import { createPrefixConfigService } from '../../../../src/services/prefix-configs/prefix-config-service.ts';
import { createPrintedPrefixes } from '../../../../src/services/prefix-configs/printed-prefixes.ts';
import { createMemoryCounterStore } from '../../../../src/stores/memory/memory-counter-store.ts';
import { createMemoryPrefixConfigStore } from '../../../../src/stores/memory/memory-prefix-config-store.ts';
import { CALLER } from '../../fakes/caller.ts';
import { strategiesOf } from '../../fakes/strategies-of.ts';

const setUp = async (first: object) => {
  const store = createMemoryPrefixConfigStore();
  const counters = createMemoryCounterStore();
  const emit = (): void => undefined;
  const clock = { now: (): number => Date.parse('2026-11-25T12:00:00Z') };
  const seriesCache = createSeriesCache(store, 0, emit);
  const collisions = createCollisionCheck({ printed: createPrintedPrefixes(store), random: () => 0 });
  const service = createPrefixConfigService({
    store,
    collisions,
    counters,
    strategies: strategiesOf(),
    clock,
    seriesCache,
    emit,
  });
  await service.register(seriesOf('A'), prefixConfigInputSchema.parse(first), CALLER);
  const change = async (input: object): Promise<PrefixConfig> =>
    service.update(seriesOf('A'), prefixConfigInputSchema.parse(input), 'any', CALLER).then(({ config }) => config);
  const refusal = (input: object): Promise<string> =>
    change(input).then(
      () => 'accepted',
      (error: { params?: { problems?: readonly { path: string }[] } }) =>
        error.params?.problems?.map(({ path }) => path).join() ?? String(error),
    );
  return { service, counters, change, refusal };
};

describe('a change', () => {
  test('is compared with all that the prefix ever was, not only with the last', async () => {
    const { change, refusal } = await setUp({ format: 'A{SEQ:3}' });
    await change({ format: 'B{SEQ:3}' });
    expect(await refusal({ format: 'A1{SEQ:2}' })).toBe('format');
    expect(await refusal({ format: 'B1{SEQ:2}' })).toBe('format');
    expect(await refusal({ format: 'C1{SEQ:2}' })).toBe('accepted');
    expect(await refusal({ format: 'C{SEQ:2}' })).toBe('format');
  });

  test('back and forth between counter, segment, snowflake and uuidv7 is accepted', async () => {
    const { refusal } = await setUp({ format: 'A{SEQ:3}' });
    for (const strategy of ['segment', 'snowflake', 'uuidv7', 'counter', 'snowflake', 'segment', 'counter']) {
      expect(await refusal({ format: 'A{SEQ:3}', strategy })).toBe('accepted');
    }
  });

  test('to gapless or back needs another format', async () => {
    const { refusal } = await setUp({ format: 'A{SEQ:3}' });
    expect(await refusal({ format: 'A{SEQ:3}', strategy: 'gapless' })).toBe('strategy');
    expect(await refusal({ format: 'G{SEQ:3}', strategy: 'gapless' })).toBe('accepted');
    expect(await refusal({ format: 'G{SEQ:3}', strategy: 'segment' })).toBe('strategy');
    expect(await refusal({ format: 'A{SEQ:3}', strategy: 'segment' })).toBe('accepted');
  });

  test('after snowflakes the counter stays below them, however it is set', async () => {
    const { change, refusal } = await setUp({ format: 'A{SEQ:3}', strategy: 'snowflake' });
    expect(await refusal({ format: 'A{SEQ:3}', initialSeq: `${SNOWFLAKE_MIN}` })).toBe('initialSeq');
    expect(limitOf(await change({ format: 'A{SEQ:3}' }))).toBe(SNOWFLAKE_MIN - 1n);
    expect(limitOf(await change({ format: 'A{SEQ:3}', overflow: 'reject' }))).toBe(999n);
  });

  test('to snowflakes is refused when the counter has come too far', async () => {
    const { counters, refusal } = await setUp({ format: 'A{SEQ:3}' });
    counters.preload(sequenceOf(seriesOf('A'), ''), `${SNOWFLAKE_MIN / 10n}`);
    expect(await refusal({ format: 'A{SEQ:3}', strategy: 'snowflake' })).toBe('strategy');
  });

  test('is accepted the 51st time and the 100th, and still compared with the first', async () => {
    const { refusal } = await setUp({ format: 'X1{SEQ:1}' });
    const nth = (index: number): string => `${'X'.repeat(index + 2)}{SEQ:1}`;
    for (let index = 0; index < 100; index += 1) expect(await refusal({ format: nth(index) })).toBe('accepted');
    expect(await refusal({ format: 'X{SEQ:2}' })).toBe('format');
  });

  test.each([
    ['with variables', { format: 'A-{var:branch}-{SEQ:4}' }, { format: 'B-{var:branch}-{SEQ:4}' }],
    ['with variables in another place', { format: 'A-{var:b}-{SEQ:4}' }, { format: 'A-{SEQ:4}/{var:b}' }],
    [
      'from a long year to a short one',
      { format: 'I-{year}-{SEQ:4}', reset: 'yearly' },
      { format: 'I-{yy}-{SEQ:4}', reset: 'yearly' },
    ],
    [
      'of the width of the sequence',
      { format: 'I-{year}-{SEQ:4}', reset: 'yearly' },
      { format: 'I-{year}-{SEQ:6}', reset: 'yearly' },
    ],
  ])('of a format %s is accepted, there and back: no two numbers are equal', async (_title, first, next) => {
    const { refusal } = await setUp(first);
    expect(await refusal(next)).toBe('accepted');
    expect(await refusal(first)).toBe('accepted');
  });

  test.each([
    [{ format: '{SEQ:4}/{year}' }, { format: '{year}/{SEQ:4}' }],
    [
      { format: '{SEQ:4}/{year}', reset: 'yearly' },
      { format: '{year}/{SEQ:4}', reset: 'yearly' },
    ],
    [
      { format: 'A-{var:b}-{SEQ:4}' },
      { format: 'A-1{var:b}-{SEQ:4}', reset: 'never', initialSeq: 3, strategy: 'gapless' },
    ],
    [
      { format: '{year}{month}-{SEQ:4}', reset: 'monthly' },
      { format: '{month}{year}-{SEQ:4}', reset: 'monthly' },
    ],
    [
      { format: '{year}-{month}-{SEQ:5}', reset: 'fiscal-yearly', fiscalYearStart: '07-01' },
      { format: '{year}-{month}-{SEQ:5}', reset: 'fiscal-yearly', fiscalYearStart: '04-01' },
    ],
  ])('from %j to %j is refused with a number that both would print', async (first, next) => {
    const { service } = await setUp(first);
    const error = await service
      .update(seriesOf('A'), prefixConfigInputSchema.parse(next), 'any', CALLER)
      .then(() => undefined)
      .catch((caught: { params: { problems: readonly { message: string }[] } }) => caught);
    expect(error?.params.problems[0]?.message).toMatch(
      /^Numbers could come twice: \S+ would be value \d+.* as this prefix was numbered before, .*, and value \d+.* from now on\./,
    );
  });
});
