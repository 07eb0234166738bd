/** Two stores with different entries of one prefix: the later one holds in both, and neither loses what it remembers. */
import { describe, expect, test } from 'vitest';
import { isSameEntry, isSameStored, settleEntries } from '../../../../src/core/prefix-config/entry-settling.ts';
import { decodeHistory, encodeHistory } from '../../../../src/core/prefix-config/history-codec.ts';
import type { StoredConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import { numberingOf, type PrefixHistory } from '../../../../src/core/prefix-config/prefix-history.ts';
import { configOf } from '../../fakes/config-of.ts';

const stored = (format: string, version: number): StoredConfig => ({
  kind: 'config',
  config: configOf('INV', { format }, version),
});
const historyOf = (removed: number, ...formats: readonly string[]): PrefixHistory => ({
  removed,
  former: formats.map((format) => numberingOf(configOf('INV', { format }))),
});
const CORRUPT = { kind: 'corrupt', reason: 'no JSON' } as const;
const LATER = { ...CORRUPT, version: 5 };
const [ONE, TWO] = [stored('A{SEQ:4}', 1), stored('B{SEQ:4}', 2)];

describe('of two entries', () => {
  test('the one of the higher version is taken, whichever store has it', () => {
    const whole = { stored: TWO, history: undefined };
    const settled = { inLive: whole, kept: whole, stored: TWO };
    expect(settleEntries({ stored: ONE, history: undefined }, whole)).toEqual(settled);
    expect(settleEntries(whole, { stored: ONE, history: undefined })).toEqual(settled);
  });

  test('of one version that of the copy is taken', () => {
    const other = stored('C{SEQ:4}', 1);
    expect(settleEntries({ stored: ONE, history: undefined }, { stored: other, history: undefined }).stored).toBe(
      other,
    );
  });

  test('a removal is later than the version that it removed', () => {
    const gone = { stored: undefined, history: historyOf(2, 'B{SEQ:4}') };
    expect(settleEntries({ stored: TWO, history: undefined }, gone)).toEqual({
      inLive: gone,
      kept: gone,
      stored: undefined,
    });
  });

  test('the histories are joined, with the higher version that was removed', () => {
    const live = { stored: TWO, history: historyOf(1, 'C{SEQ:4}') };
    const copy = { stored: ONE, history: historyOf(0, 'D{SEQ:4}') };
    expect(settleEntries(live, copy).kept.history).toEqual(historyOf(1, 'D{SEQ:4}', 'C{SEQ:4}'));
    expect(settleEntries({ ...live, history: undefined }, copy).inLive.history).toEqual(copy.history);
    expect(settleEntries(live, { ...copy, history: undefined }).kept.history).toEqual(live.history);
  });

  test('one that cannot be read replaces nothing, and is replaced by a config', () => {
    expect(settleEntries({ stored: LATER, history: undefined }, { stored: ONE, history: undefined })).toEqual({
      inLive: { stored: LATER, history: undefined },
      kept: { stored: ONE, history: undefined },
      stored: LATER,
    });
    const fixed = { stored: ONE, history: undefined };
    expect(settleEntries({ stored: CORRUPT, history: undefined }, fixed)).toEqual({
      inLive: fixed,
      kept: fixed,
      stored: ONE,
    });
  });

  test('one that cannot be read stays where the other store has nothing', () => {
    const none = { stored: undefined, history: undefined };
    const broken = { stored: CORRUPT, history: undefined };
    expect(settleEntries(broken, none)).toEqual({ inLive: broken, kept: none, stored: CORRUPT });
    expect(settleEntries(none, broken)).toEqual({ inLive: none, kept: broken, stored: CORRUPT });
    const gone = { stored: undefined, history: historyOf(2) };
    expect(settleEntries({ stored: ONE, history: undefined }, gone).inLive.stored).toBeUndefined();
  });
});

describe('two entries are the same', () => {
  test('when their configs are stored the same; of unreadable ones by their version', () => {
    expect(isSameStored(ONE, stored('A{SEQ:4}', 1))).toBe(true);
    expect(isSameStored(ONE, TWO)).toBe(false);
    expect(isSameStored(ONE, stored('B{SEQ:4}', 1))).toBe(false);
    expect(isSameStored(ONE, undefined)).toBe(false);
    expect(isSameStored(LATER, { ...LATER, reason: 'another' })).toBe(true);
    expect(isSameStored(LATER, CORRUPT)).toBe(false);
    expect(isSameStored(undefined, undefined)).toBe(true);
    expect(isSameStored(undefined, CORRUPT)).toBe(false);
    expect(isSameStored(stored('A{SEQ:4}', 5), LATER)).toBe(false);
    expect(isSameStored(LATER, stored('A{SEQ:4}', 5))).toBe(false);
  });

  test('and their histories are', () => {
    const entry = { stored: ONE, history: historyOf(1, 'C{SEQ:4}') };
    expect(isSameEntry(entry, { stored: stored('A{SEQ:4}', 1), history: historyOf(1, 'C{SEQ:4}') })).toBe(true);
    expect(isSameEntry(entry, { ...entry, history: historyOf(2, 'C{SEQ:4}') })).toBe(false);
    expect(isSameEntry(entry, { ...entry, history: undefined })).toBe(false);
    expect(isSameEntry(entry, { ...entry, stored: TWO })).toBe(false);
  });
});

describe('a history that is written', () => {
  test('is read back in every detail, and says only what is not usual', () => {
    const rule = { format: 'A{SEQ:4}', strategy: 'counter', reset: 'yearly' } as const;
    const history: PrefixHistory = {
      removed: 3,
      former: [
        { ...rule, timeZone: 'Asia/Tokyo', fiscalYearStart: '04-01', overflow: 'reject' },
        { ...rule, timeZone: 'UTC', fiscalYearStart: '01-01', overflow: 'extend' },
      ],
    };
    expect(decodeHistory(encodeHistory(history))).toEqual(history);
    expect(JSON.parse(encodeHistory(history))).toEqual({
      removed: 3,
      former: [{ ...rule, time_zone: 'Asia/Tokyo', fiscal_year_start: '04-01', overflow: 'reject' }, rule],
    });
    expect(encodeHistory(historyOf(0))).toBe('{"former":[]}');
  });

  test.each([null, undefined, '', 'no JSON', '[]', '{"removed":-1}'])('is none when it is %j', (json) => {
    expect(decodeHistory(json)).toBeUndefined();
  });
});
