/** The days that two formats could show in one text: all of them, near ones first, and what is tried for it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DateSearch, eachCommonDates, type SideDate } from '../../../../src/core/collision/common-dates.ts';
import { type Board, boardOf, charsOf, findText } from '../../../../src/core/collision/common-text.ts';
import type { DayRow } from '../../../../src/core/collision/day-rows.ts';
import { type Alignment, eachAlignment } from '../../../../src/core/collision/format-alignment.ts';
import { type Language, languageOf, type PrintedNumbering } from '../../../../src/core/collision/format-language.ts';
import type { CalendarReading } from '../../../../src/core/template/calendar.ts';
import { daysOf } from '../../../../src/core/template/calendar-days.ts';
import { periodKeyOf } from '../../../../src/core/template/period.ts';
import { VARIABLES } from '../../../../src/core/template/variables.ts';
import { propertyRuns } from '../../../support/property-runs.ts';

type Years = Language['years'];
const ALL_YEARS: Years = { first: 1, last: 9999 };
const ONE_YEAR: Years = { first: 2026, last: 2026 };
type Terms = Partial<PrintedNumbering> & { readonly years?: Years };

const languageWith = (format: string, { years = ALL_YEARS, ...terms }: Terms = {}): Language => ({
  ...languageOf({
    ...{ prefixKey: 'ONE', format, strategy: 'counter', reset: 'never', timeZone: 'UTC', fiscalYearStart: '04-15' },
    ...{ first: 1n, last: 9n, isDated: true },
    ...terms,
  }),
  years,
});

/** The one way in which two formats without parts of open length lie over each other. */
const boardBetween = (one: Language, other: Language): Board | undefined => {
  const alignments: Alignment[] = [];
  eachAlignment(one, other, (alignment) => alignments.push(alignment) < 0);
  return alignments[0] && boardOf(alignments[0], [one, other]);
};

interface Found {
  readonly dates: readonly [SideDate, SideDate];
  /** What is known of each side's dates then, by place. */
  readonly shown: readonly string[];
}

/** What a side shows of its date at each place, and a dot elsewhere. */
const shownBy = ({ placed }: Board['sides'][number], textOf: (at: (typeof placed)[number]) => string): string =>
  placed.map((at) => ('variable' in at.piece.part ? textOf(at) : '.'.repeat(at.length))).join('');

const search = (board: Board, terms: Partial<DateSearch> = {}): { found: Found[]; isOver: boolean; steps: number } => {
  const found: Found[] = [];
  const budget = terms.budget ?? { left: 10_000_000 };
  const before = [...board.chars];
  const left = budget.left;
  const isOver = eachCommonDates(board, {
    ...{ budget, byPeriod: false, suits: () => true, textThatFits: () => findText(board, { left: 10_000 }) },
    ...terms,
    visit: (dates) => {
      const shown = board.sides.map((side) => shownBy(side, (at) => charsOf(board, at).join('')));
      found.push({ dates: [dates[0], dates[1]], shown });
      return terms.visit?.(dates) ?? false;
    },
  });
  expect(board.chars).toEqual(before);
  return { found, isOver, steps: left - budget.left };
};

const between = (format: string, other: string, terms: Terms = {}, otherTerms: Terms = {}): Board => {
  const board = boardBetween(languageWith(format, terms), languageWith(other, otherTerms));
  if (board === undefined) throw new Error('No text fits.');
  return board;
};

const yearsOf = (found: readonly Found[]): number[] => found.map(({ dates }) => dates[0].first.year);

const dayOf = ({ year, month, day, hour }: CalendarReading): string => `${year}-${month}-${day} ${hour}`;

/** Each day of a side, or each fifth with two hours when it shows hours: what it shows, by year, and period where that counts. */
const shownByHand = (board: Board, side: 0 | 1, byPeriod: boolean): Map<string, string> => {
  const { language, placed } = board.sides[side];
  const { reset, fiscalYearStart } = language.numbering;
  const hasHour = placed.some(({ piece: { part } }) => 'variable' in part && part.variable === 'hour');
  const shown = new Map<string, string>();
  for (let year = language.years.first; year <= language.years.last; year += 1) {
    for (const day of daysOf(year)) {
      if (hasHour && day.dayOfYear % 5 !== 1) continue;
      for (const hour of hasHour ? [3, 12] : [12]) {
        const reading = { ...day, hour };
        const text = shownBy(board.sides[side], ({ piece: { part } }) =>
          'variable' in part ? VARIABLES[part.variable](reading, language.numbering) : '',
        );
        shown.set(`${year} ${text} ${byPeriod ? periodKeyOf(day, reset, fiscalYearStart) : ''}`, text);
      }
    }
  }
  return shown;
};

const areAlike = (board: Board, one: string, other: string): boolean =>
  board.cells.every((cell, place) => {
    const [a, b, known] = [one.charAt(place), other.charAt(place), board.chars[cell] as string];
    return (a === '.' || known.includes(a)) && (b === '.' || (known.includes(b) && (a === '.' || a === b)));
  });

const tag = fc.constantFrom(
  ...['{year}', '{yy}', '{month}', '{day}', '{quarter}', '{week}', '{weekYear}', '{dayOfYear}', '{fiscalYear}'],
);
const side = fc.tuple(fc.array(tag, { minLength: 1, maxLength: 2 }), fc.constantFrom('', '', '', '{hour}'));
const WIDTHS: Readonly<Record<string, number>> = { year: 4, weekYear: 4, fiscalYear: 4, dayOfYear: 3, quarter: 1 };
const widthOf = (format: string): number =>
  [...format.matchAll(/\{(\w+)\}/g)].reduce((sum, [, name = '']) => sum + (WIDTHS[name] ?? 2), 0);
/** Two sides of one width: the narrower one is filled up with digits. */
const pair = fc.tuple(side, side, fc.constantFrom('2026', '0104', '1201')).map(([one, other, digits]) => {
  const formats = [one, other].map(([tags, hour]) => tags.join('') + hour) as [string, string];
  const width = Math.max(...formats.map(widthOf));
  return formats.map((format) => `${format}${digits.repeat(4).slice(0, width - widthOf(format))}-{SEQ:1}`);
});
const year = fc.constantFrom(2024, 2026, 2027);
const RESETS = ['never', 'yearly', 'monthly', 'daily', 'fiscal-yearly'] as const;

describe('the days that two formats could show in one text', () => {
  test('are those that a search through all days finds, told apart by year, and by period where that counts', () => {
    fc.assert(
      fc.property(
        pair,
        year,
        fc.constantFrom(...RESETS),
        fc.boolean(),
        ([one = '', other = ''], only, reset, byPeriod) => {
          const years = { first: only, last: only };
          const board = boardBetween(languageWith(one, { years, reset }), languageWith(other, { years, reset }));
          fc.pre(board !== undefined);
          const { found } = search(board, { byPeriod, textThatFits: () => '' });
          const periodOf = (day: CalendarReading) => (byPeriod ? periodKeyOf(day, reset, '04-15') : '');
          const keys = found.map(({ dates, shown }) => {
            for (const { first, last } of dates) {
              expect(periodOf(first)).toBe(periodOf(last));
              expect(first.dayOfYear).toBeLessThanOrEqual(last.dayOfYear);
            }
            return dates.map(({ first }, at) => `${first.year} ${shown[at]} ${periodOf(first)}`).join(' | ');
          });
          const [all, others] = [shownByHand(board, 0, byPeriod), shownByHand(board, 1, byPeriod)];
          const expected = [...all].flatMap(([key, text]) =>
            [...others].flatMap(([otherKey, otherText]) =>
              areAlike(board, text, otherText) ? [`${key} | ${otherKey}`] : [],
            ),
          );
          const hasHour = `${one}${other}`.includes('hour');
          if (hasHour) expect(keys).toEqual(expect.arrayContaining(expected));
          else expect(new Set(keys)).toEqual(new Set(expected));
        },
      ),
      { numRuns: propertyRuns(10) },
    );
  });

  test('are shown by what is on the board, each once', () => {
    const board = between('{year}{month}{day}{hour}-{SEQ:1}', '202402291{SEQ:1}-1', {}, { first: 0n, years: ONE_YEAR });
    const { found } = search(board);
    expect(found.map(({ dates }) => dayOf(dates[0].first))).toEqual([
      ...[12, 13, 14, 15, 16, 17, 18, 19, 10, 11].map((hour) => `2024-2-29 ${hour}`),
    ]);
  });

  test.each([
    ['never', 1],
    ['yearly', 1],
    ['monthly', 12],
    ['daily', 365],
    ['fiscal-yearly', 2],
  ] as const)('that print the same are told apart by the periods of a reset that counts: %s, %d', (reset, count) => {
    const board = between('{year}-{SEQ:1}', '2026-{SEQ:1}', { reset }, { reset, years: ONE_YEAR });
    const periodsFound = (byPeriod: boolean) => {
      const others: DayRow[] = [];
      const suits = (_one: DayRow, other: DayRow): boolean => others.push(other) > 0 && other === others[0];
      const { found } = search(board, { byPeriod, suits });
      return new Set(found.map(({ dates }) => periodKeyOf(dates[0].first, reset, '04-15')));
    };
    expect(periodsFound(true).size).toBe(count);
    expect(periodsFound(false).size).toBe(1);
  });

  test('have the year of the week that belongs to their own year', () => {
    const board = between('{year}{month}{day}-{SEQ:1}', '{SEQ:4}0101-1', {}, { first: 2026n, last: 2027n });
    const days = search(board).found.map(({ dates }) => dates[0].first);
    const of = (year: number) => days.find((day) => day.year === year);
    expect([of(2026), of(2027)]).toMatchObject([{ weekYear: 2026 }, { weekYear: 2026 }]);
  });

  test('are of both sides, each with its own hour, the hours after noon first', () => {
    const board = between('{hour}1-{SEQ:1}', '{SEQ:1}{hour}-1', { years: ONE_YEAR }, { first: 0n, years: ONE_YEAR });
    const hours = search(board).found.map(({ dates }) => dates.map(({ first, last }) => `${first.hour} ${last.hour}`));
    expect(hours.map((both) => both.join(', '))).toEqual([
      ...['12 12, 21 21', '20 20, 1 1', '21 21, 11 11', '22 22, 21 21', '0 0, 1 1', '1 1, 11 11'],
      ...['2 2, 21 21', '10 10, 1 1', '11 11, 11 11'],
    ]);
  });

  test('are those that suit each other', () => {
    const board = between('{month}1-{SEQ:1}', '{SEQ:1}{month}-1', { years: ONE_YEAR }, { first: 0n, years: ONE_YEAR });
    const shownOf = (suits: (one: DayRow, other: DayRow) => boolean) =>
      search(board, { suits, textThatFits: () => '' }).found.map(({ dates }) => dates.map(({ first }) => first.month));
    expect(shownOf(() => true).join(' ')).toBe('1,11 10,1 11,11');
    expect(shownOf((one) => one.texts[0]?.[1] === '01').join(' ')).toBe('1,11');
    expect(shownOf((_one, other) => other.texts[0]?.[1] === '01').join(' ')).toBe('10,1');
  });

  test('are no longer looked for once one of them will do, or where no text fits', () => {
    const board = between('{month}-{SEQ:1}', '{month}-{SEQ:1}');
    expect(search(board, { visit: ([{ first }]) => first.month === 2 })).toMatchObject({ isOver: true });
    expect(search(board, { visit: () => false }).isOver).toBe(false);
    expect(search(board, { textThatFits: () => undefined }).found).toEqual([]);
  });
});

describe('years', () => {
  const yearsShown = (format: string, years: Years, other: string, terms: Partial<DateSearch> = {}) => {
    const [own, digits] = [{ years }, { years: ONE_YEAR, first: 0n, last: 9_999n }];
    return yearsOf(
      search(between(`${format}-{SEQ:1}`, other, own, digits), { textThatFits: () => '', ...terms }).found,
    );
  };
  const upTo = (from: number, last: number): number[] => Array.from({ length: last - from + 1 }, (_, at) => from + at);

  test.each([
    ['on both sides of this one', { first: 2024, last: 2028 }, [2026, 2027, 2028, 2025, 2024]],
    ['later than this one', { first: 2030, last: 2032 }, [2030, 2031, 2032]],
    ['earlier than this one', { first: 2020, last: 2022 }, [2022, 2021, 2020]],
  ])('%s are tried from the nearest on', (_what, years, order) => {
    expect(yearsShown('{year}', years, '{SEQ:4}-1')).toEqual(order);
    expect(yearsShown('{month}', years, '04-{SEQ:1}')).toEqual(order);
  });

  test('that do not show are sixty, in which there is every kind of year', () => {
    expect(yearsShown('{month}', ALL_YEARS, '04-{SEQ:1}')).toEqual(upTo(2026, 2085));
  });

  test('that show are sixty and that of the text that fits, and only then all', () => {
    const all = [...upTo(2026, 9999), ...upTo(1, 2025).reverse()];
    const few = upTo(2026, 2085);
    expect(yearsShown('{year}', ALL_YEARS, '{SEQ:4}-1', { textThatFits: () => '1234-1' })).toEqual([
      ...[2026, 2027, 1234, ...few.slice(2), ...all],
    ]);
    const ofWeeks = yearsShown('{weekYear}', ALL_YEARS, '{SEQ:4}-1', { textThatFits: () => '1234-1' });
    expect(ofWeeks.slice(0, few.length)).toEqual(few);
    const exactly = { first: 2026, last: 2085 };
    expect(yearsShown('{year}', exactly, '{SEQ:4}-1', { textThatFits: () => '1234-1' })).toEqual(few);
  });

  test.each([
    ['{year}{month}', '202603', ALL_YEARS, [2026]],
    ['{year}{month}', '099903', ALL_YEARS, [999]],
    ['{weekYear}{week}', '202653', ALL_YEARS, [2026, 2027]],
    ['{fiscalYear}{month}', '202603', ALL_YEARS, [2027]],
    ['{fiscalYear}{month}', '202605', ALL_YEARS, [2026]],
    ['{year}{month}', '202603', { first: 2027, last: 2030 }, []],
    ['{year}{month}', '202603', { first: 2020, last: 2025 }, []],
    ['{year}{month}', '202603', { first: 2026, last: 2026 }, [2026]],
    ['{yy}{month}', '2603', { first: 2000, last: 2099 }, [2026, 2026]],
    ['{yy}{month}', '2603', { first: 1900, last: 2099 }, [2026, 2026, 1926]],
  ])('of %s as %s are in %j: %j', (format, text, years, expected) => {
    expect(yearsShown(format, years, `${text}-{SEQ:1}`)).toEqual(expected);
  });
});

describe('what is tried', () => {
  test('is as much as there is budget for', () => {
    const board = between('{month}-{SEQ:1}', '04-{SEQ:1}');
    const visits = (left: number): number => search(board, { budget: { left }, visit: () => true }).found.length;
    expect([0, 5, 6].map(visits)).toEqual([0, 0, 1]);
    expect(search(board, { budget: { left: 5 }, visit: () => true }).isOver).toBe(false);
    expect(search(board, { visit: () => true }).steps).toBe(6);
  });

  test('are the days of the text that has the fewest', () => {
    const stepsFor = (format: string, other: string): number =>
      search(between(`${format}-{SEQ:1}`, `${other}-{SEQ:1}`), { visit: () => true }).steps;
    // Of the seven months with 31 days none is the fourth; of the twelve with 29 the last one tried is the leap day's.
    expect([stepsFor('{month}{day}', '0431'), stepsFor('{day}{month}', '3104')]).toEqual([7, 7]);
    expect(stepsFor('{month}{day}', '0229')).toBe(12 + 5);
    // Hours are tried one by one, from noon on.
    expect([stepsFor('{month}{hour}', '0212'), stepsFor('{month}{hour}', '0211')]).toEqual([6, 6 + 23]);
  });
});
