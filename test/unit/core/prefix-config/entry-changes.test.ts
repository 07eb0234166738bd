/** How a registration, a change and a removal leave the entry of a prefix: no collision rule and no version is forgotten. */
import { describe, expect, test } from 'vitest';
import { amendEnd, insertEntry, removeEntry, replaceEntry } from '../../../../src/core/prefix-config/entry-changes.ts';
import { FORMER_MAX } from '../../../../src/core/prefix-config/numbering.ts';
import type { NumberingEnd } from '../../../../src/core/prefix-config/numbering-times.ts';
import type { PrefixConfig } from '../../../../src/core/prefix-config/prefix-config.ts';
import {
  bounded,
  type FormerNumbering,
  formerOf,
  formerWithPresent,
  HISTORY_MAX,
  isSameFormer,
  joined,
  NO_ENTRY,
  numberingOf,
  type PrefixEntry,
} from '../../../../src/core/prefix-config/prefix-history.ts';
import { configOf } from '../../fakes/config-of.ts';

const ONE = configOf('INV', { format: 'A{SEQ:4}' });
const OTHER = configOf('INV', { format: 'B{SEQ:4}' });
const UNTIL: NumberingEnd = { period: '', past: false, marks: [] };

const entryOf = (config: PrefixConfig, former?: readonly FormerNumbering[], removed = 0): PrefixEntry => ({
  stored: { kind: 'config', config },
  history: former && { removed, former },
});
const ruleOf = (format: string, more: Partial<FormerNumbering> = {}): FormerNumbering => ({
  ...numberingOf(configOf('INV', { format })),
  ...more,
});

describe('a registration', () => {
  test('is stored as it is when nothing was kept of the prefix', () => {
    expect(insertEntry(NO_ENTRY, ONE)).toEqual({ outcome: true, entry: entryOf(ONE) });
  });

  test('keeps the former rules that it names where no history is', () => {
    const former = [{ format: 'B{SEQ:4}', strategy: 'counter', reset: 'never' } as const];
    expect(insertEntry(NO_ENTRY, { ...ONE, former }).entry).toEqual(entryOf({ ...ONE, former }));
  });

  test('is refused when there is a config, or its version was removed', () => {
    expect(insertEntry(entryOf(OTHER), ONE)).toEqual({ outcome: false });
    const gone = { stored: undefined, history: { removed: 3, former: [] } };
    expect(insertEntry(gone, { ...ONE, version: 3 })).toEqual({ outcome: false });
    expect(insertEntry(gone, { ...ONE, version: 4 })).toMatchObject({ outcome: true });
  });

  test('names the rules of a history in the config, too', () => {
    const history = { removed: 0, former: [ruleOf('B{SEQ:4}')] };
    const former = [{ format: 'B{SEQ:4}', strategy: 'counter', reset: 'never' }];
    const config = { ...ONE, former };
    expect(insertEntry({ stored: undefined, history }, ONE).entry).toEqual({
      stored: { kind: 'config', config },
      history,
    });
  });
});

describe('a change', () => {
  test('keeps the rule that it ends, with where it ended', () => {
    expect(replaceEntry(entryOf(ONE), OTHER, 1, UNTIL)).toMatchObject({
      outcome: { kind: 'replaced', config: { format: 'B{SEQ:4}', version: 2 } },
      entry: { history: { removed: 0, former: [{ format: 'A{SEQ:4}', until: UNTIL }] } },
    });
    const [first] = replaceEntry(entryOf(ONE), OTHER, 1).entry?.history?.former ?? [];
    expect(first).toEqual(ruleOf('A{SEQ:4}'));
    expect(Object.keys(first ?? {})).not.toContain('until');
  });

  test('of something else than the rule adds nothing to the history', () => {
    const { entry } = replaceEntry(entryOf(ONE), { ...ONE, outage: 'reject' }, 1, UNTIL);
    expect(entry).toStrictEqual({
      stored: { kind: 'config', config: { ...ONE, outage: 'reject', version: 2 } },
      history: undefined,
    });
    const kept = replaceEntry(entryOf(ONE, [ruleOf('C{SEQ:4}')]), { ...ONE, outage: 'reject' }, 1, UNTIL);
    expect(kept.entry?.history?.former).toEqual([ruleOf('C{SEQ:4}')]);
  });

  test('keeps the fields that a later version has stored', () => {
    const unknown = { colour: 'red' };
    const { entry } = replaceEntry(entryOf({ ...ONE, unknown }), { ...ONE, outage: 'reject' }, 1);
    expect(entry?.stored).toEqual({ kind: 'config', config: { ...ONE, unknown, outage: 'reject', version: 2 } });
  });

  test('of something else marks that earlier periods went on, where they did', () => {
    const former = ['E{SEQ:4}', 'C{SEQ:4}', 'D{SEQ:4}'].map((format) => ruleOf(format, { until: UNTIL }));
    const change = (config: PrefixConfig, list: readonly FormerNumbering[] = former) =>
      replaceEntry(entryOf(config, list), { ...config, outage: 'reject' }, 'any').entry?.history?.former;
    expect(change({ ...ONE, allowPast: true })).toEqual([
      ...former.slice(0, 2),
      { ...former[2], until: { ...UNTIL, past: true } },
    ]);
    expect(change(ONE)).toEqual(former);
    expect(change({ ...ONE, allowPast: true }, [ruleOf('C{SEQ:4}')])).toEqual([ruleOf('C{SEQ:4}')]);
  });

  test('is refused by another version than was expected, and where nothing is', () => {
    expect(replaceEntry(entryOf(ONE), OTHER, 2)).toEqual({ outcome: { kind: 'conflict' } });
    expect(replaceEntry(NO_ENTRY, OTHER, 'any')).toEqual({ outcome: { kind: 'missing' } });
    expect(replaceEntry(entryOf(ONE), OTHER, 'any').outcome.kind).toBe('replaced');
  });

  test('never writes over the entry of a later version of the service, but over one that cannot be read', () => {
    const corrupt = { kind: 'corrupt', reason: 'later' } as const;
    const replace = (stored: PrefixEntry['stored']) =>
      replaceEntry({ stored, history: undefined }, OTHER, 'any').outcome;
    expect(replace({ ...corrupt, version: 3 })).toEqual({ kind: 'conflict' });
    expect(replace(corrupt)).toMatchObject({ kind: 'replaced', config: { version: 1 } });
  });

  test('of what cannot be read leaves the rules before as they ended', () => {
    const former = [ruleOf('C{SEQ:4}', { until: UNTIL }), ruleOf('B{SEQ:4}', { until: UNTIL })];
    const broken = { stored: { kind: 'corrupt', reason: 'no JSON' } as const, history: { removed: 0, former } };
    for (const config of [ONE, OTHER]) {
      const { entry } = replaceEntry(broken, config, 'any', { ...UNTIL, period: '2026' });
      expect(entry?.history?.former).toEqual(former);
    }
  });

  test('gets a version above all that were removed, and remembers them', () => {
    const { entry, outcome } = replaceEntry(entryOf(ONE, [], 7), { ...ONE, outage: 'reject' }, 1);
    expect(outcome).toMatchObject({ config: { version: 8 } });
    expect(entry?.history).toEqual({ removed: 7, former: [] });
  });

  test('names no more former rules in the config than older versions read, and a snowflake among them', () => {
    const many = Array.from({ length: FORMER_MAX + 5 }, (_, at) => ruleOf(`C${at}-{SEQ:4}`));
    const namesAfter = (former: readonly FormerNumbering[]) => {
      const { outcome } = replaceEntry(entryOf(ONE, former), { ...ONE, outage: 'reject' }, 1);
      return outcome.kind === 'replaced' ? (outcome.config.former ?? []).map(({ format }) => format) : [];
    };
    const formats = many.map(({ format }) => format);
    expect(namesAfter(many)).toEqual(formats.slice(-FORMER_MAX));
    expect(namesAfter(many.slice(-FORMER_MAX))).toEqual(formats.slice(-FORMER_MAX));
    const snowflake = ruleOf('S-{SEQ:4}', { strategy: 'snowflake' });
    expect(namesAfter([snowflake, ...many])).toEqual(['S-{SEQ:4}', ...formats.slice(1 - FORMER_MAX)]);
    expect(namesAfter([...many, snowflake])).toEqual([...formats.slice(1 - FORMER_MAX), 'S-{SEQ:4}']);
  });
});

describe('a removal', () => {
  test('keeps the version and the rule, with where it ended', () => {
    expect(removeEntry(entryOf(ONE), 1, UNTIL)).toEqual({
      outcome: true,
      entry: { stored: undefined, history: { removed: 1, former: [{ ...ruleOf('A{SEQ:4}'), until: UNTIL }] } },
    });
    expect(removeEntry(entryOf(ONE, [], 7), 'any').entry?.history?.removed).toBe(7);
  });

  test('is refused by another version than was expected, and where nothing is', () => {
    expect(removeEntry(entryOf(ONE), 2)).toEqual({ outcome: false });
    expect(removeEntry(NO_ENTRY, 'any')).toEqual({ outcome: false });
  });

  test('of what cannot be read leaves nothing to remember', () => {
    const corrupt = { stored: { kind: 'corrupt', reason: 'no JSON' } as const, history: undefined };
    expect(removeEntry(corrupt, 'any')).toEqual({ outcome: true, entry: NO_ENTRY });
  });
});

describe('the end of a rule that is stored again', () => {
  const later = { ...UNTIL, period: '2026' };
  const former = ['E{SEQ:4}', 'C{SEQ:4}', 'D{SEQ:4}'].map((format) => ruleOf(format, { until: UNTIL }));

  test('takes the place of the latest', () => {
    expect(amendEnd(entryOf(ONE, former), 1, later).entry).toEqual(
      entryOf(ONE, [...former.slice(0, 2), ruleOf('D{SEQ:4}', { until: later })]),
    );
  });

  test('changes nothing when the config was changed since, or there is no such rule', () => {
    expect(amendEnd(entryOf(ONE, former), 2, later)).toEqual({ outcome: undefined });
    expect(amendEnd(entryOf(ONE, []), 1, later)).toEqual({ outcome: undefined });
    expect(amendEnd(entryOf(ONE), 1, later)).toEqual({ outcome: undefined });
  });
});

describe('a history', () => {
  test.each([
    { format: 'B{SEQ:4}' },
    { strategy: 'segment' },
    { reset: 'yearly' },
    { timeZone: 'Asia/Tokyo' },
    { fiscalYearStart: '04-01' },
    { overflow: 'reject' },
  ] as const)('tells rules apart by %j', (more) => {
    expect(isSameFormer(ruleOf('A{SEQ:4}'), ruleOf('A{SEQ:4}', more))).toBe(false);
    expect(isSameFormer(ruleOf('A{SEQ:4}', more), ruleOf('A{SEQ:4}', more))).toBe(true);
  });

  test('drops rules that were used again later when it is full, the oldest first, and no others', () => {
    const distinct = (count: number) => Array.from({ length: count }, (_, at) => ruleOf(`C${at}-{SEQ:4}`));
    const [a, b] = [ruleOf('A{SEQ:4}'), ruleOf('B{SEQ:4}')];
    const full = [a, ...distinct(HISTORY_MAX - 2), a];
    expect(bounded(full)).toBe(full);
    const over = [a, b, ...distinct(HISTORY_MAX - 3), a, b];
    expect(bounded(over)).toEqual([b, ...distinct(HISTORY_MAX - 3), a, b]);
    expect(bounded([b, a, ...distinct(HISTORY_MAX - 2), a])).toEqual([b, ...distinct(HISTORY_MAX - 2), a]);
    expect(bounded(distinct(HISTORY_MAX + 1))).toHaveLength(HISTORY_MAX + 1);
  });

  test('has what older versions wrote into the config, too, as if it could grow', () => {
    const former = [{ format: 'C{SEQ:4}', strategy: 'counter', reset: 'never' } as const];
    const config = { ...configOf('INV', { format: 'A{SEQ:4}', overflow: 'reject', timeZone: 'Asia/Tokyo' }), former };
    const legacy = ruleOf('C{SEQ:4}', { timeZone: 'Asia/Tokyo' });
    expect(formerOf(entryOf(config, [ruleOf('D{SEQ:4}')]))).toEqual([legacy, ruleOf('D{SEQ:4}')]);
    expect(formerOf({ stored: undefined, history: undefined })).toEqual([]);
    expect(formerWithPresent(entryOf(config))).toEqual([legacy, numberingOf(config)]);
    const history = { removed: 1, former: [legacy] };
    expect(formerWithPresent({ stored: undefined, history })).toEqual([legacy]);
  });

  test('is joined with what only another one has, which comes first', () => {
    const [a, b, c] = ['A', 'B', 'C'].map((name) => ruleOf(`${name}{SEQ:4}`)) as [
      FormerNumbering,
      FormerNumbering,
      FormerNumbering,
    ];
    expect(joined([a, b], [b, c])).toEqual([c, a, b]);
    expect(joined([a, b], [b])).toEqual([a, b]);
    expect(joined([], [a])).toEqual([a]);
  });
});
