/**
 * What a collision rule can print, as a regular language: the length of each part of its format, and the characters at
 * each place.
 */

import type { Strategy } from '../prefix-config/numbering.ts';
import { limitOf, type PrefixConfig } from '../prefix-config/prefix-config.ts';
import { SNOWFLAKE_MIN } from '../snowflake/snowflake.ts';
import { readCalendar } from '../template/calendar.ts';
import { CHECK_DIGIT_WIDTH, type CheckDigit } from '../template/check-digit.ts';
import type { PlacedPart } from '../template/layout.ts';
import { type Reset, yearsOf } from '../template/period.ts';
import { parseTemplate } from '../template/template.ts';
import type { Variable } from '../template/variables.ts';

/** A present, former or proposed collision rule of a prefix: all that decides which numbers there can be. */
export interface PrintedNumbering {
  readonly prefixKey: string;
  readonly format: string;
  readonly strategy: Strategy;
  readonly reset: Reset;
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  /** The values it can print, both included. */
  readonly first: bigint;
  readonly last: bigint;
  /** Whether a document can have any date. Otherwise its number shows the clock, which is never before 1970. */
  readonly isDated: boolean;
}

/** One part of a number. Lengths and places count characters (code points). */
export interface Piece {
  readonly part: PlacedPart;
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** The characters that can stand at a place of it; `length` is how long it is, when that is known. */
  charsAt(offset: number, length?: number): string;
  /** The least and the highest number it can be, filled up with zeros; undefined when it is no number. */
  readonly bounds?: readonly [low: bigint, high: bigint];
}

export interface Language {
  readonly numbering: PrintedNumbering;
  readonly pieces: readonly Piece[];
  readonly lengthMin: number;
  readonly lengthMax: number;
  readonly years: { readonly first: number; readonly last: number };
  readonly hasChecks: boolean;
}

const DIGITS = '0123456789';
// Letters first: an example reads better as A than as 0.
const GIVEN = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}`;
const GIVEN_LENGTH_MAX = 32;
const HEX = `${DIGITS}abcdef`;
const UUID_LENGTH = 32;
const UUID_MAX = (1n << 128n) - 1n;
const SNOWFLAKE_MAX = (1n << 63n) - 1n;

const fixedPiece = (part: PlacedPart, chars: readonly string[]): Piece => ({
  part,
  lengthMin: chars.length,
  lengthMax: chars.length,
  charsAt: (offset) => chars[offset] ?? '',
});

/** The least and the highest number that a variable of the day can be, and its digits. */
const DAY_NUMBERS: Partial<Record<Variable, readonly [low: number, high: number, width: number]>> = {
  yy: [0, 99, 2],
  month: [1, 12, 2],
  day: [1, 31, 2],
  hour: [0, 23, 2],
  quarter: [1, 4, 1],
  week: [1, 53, 2],
  dayOfYear: [1, 366, 3],
};

/** The numbers from `low` to `high`, written with so many digits: what can stand at each place. Their bounds narrow it further. */
const numberPiece = (part: PlacedPart, low: number, high: number, width: number): Piece => {
  const [lowest, highest] = [low, high].map((end) => String(end).padStart(width, '0')) as [string, string];
  const begins = DIGITS.slice(Number(lowest.charAt(0)), Number(highest.charAt(0)) + 1);
  const chars = Array.from(lowest, (_, at) => (at === 0 ? begins : DIGITS));
  return { ...fixedPiece(part, chars), bounds: [BigInt(low), BigInt(high)] };
};

const datePiece = (part: PlacedPart, variable: Variable, { first, last }: Language['years']): Piece => {
  const numbers = DAY_NUMBERS[variable];
  if (numbers !== undefined) return numberPiece(part, ...numbers);
  // The year of the week, or the fiscal year, may be a neighbour.
  const margin = variable === 'year' ? 0 : 1;
  return numberPiece(part, Math.max(first - margin, 0), Math.min(last + margin, 9999), 4);
};

/** MOD 97-10 leaves 02 to 98. */
const checkPiece = (part: PlacedPart, check: CheckDigit): Piece =>
  check === 'mod97' ? numberPiece(part, 2, 98, 2) : numberPiece(part, 0, 9, CHECK_DIGIT_WIDTH[check]);

/** A UUID of version 7 has its version and its variant at fixed places. */
const uuidChars = (offset: number): string => (offset === 12 ? '7' : offset === 16 ? '89ab' : HEX);

const sequencePiece = (seqLength: number, { strategy, first, last }: PrintedNumbering): Piece => {
  const mayGrow = last >= 10n ** BigInt(seqLength);
  const part: PlacedPart = { seqLength, mayGrow, radix: strategy === 'uuidv7' ? 16 : 10 };
  if (strategy === 'uuidv7') {
    return { part, lengthMin: UUID_LENGTH, lengthMax: UUID_LENGTH, charsAt: uuidChars };
  }
  return {
    part,
    lengthMin: Math.max(seqLength, String(first).length),
    lengthMax: Math.max(seqLength, String(last).length),
    // Filled up with zeros to the width, and with none beyond.
    charsAt: (offset, length = seqLength) => (offset === 0 && length > seqLength ? DIGITS.slice(1) : DIGITS),
    bounds: [first, last],
  };
};

const piecesOf = (part: PlacedPart, numbering: PrintedNumbering, years: Language['years']): readonly Piece[] => {
  if ('text' in part) return [fixedPiece(part, [part.text])];
  if ('check' in part) return [checkPiece(part, part.check)];
  if ('given' in part) return [{ part, lengthMin: 1, lengthMax: GIVEN_LENGTH_MAX, charsAt: () => GIVEN }];
  if ('variable' in part) {
    if (part.variable !== 'prefix') return [datePiece(part, part.variable, years)];
    return [...numbering.prefixKey].map((text) => fixedPiece({ text }, [text]));
  }
  return [sequencePiece(part.seqLength, numbering)];
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** @throws InvalidFormatError, InvalidLengthError when the format is none. */
export const languageOf = (numbering: PrintedNumbering): Language => {
  // Formats that look the same are the same, however they are stored.
  const template = parseTemplate(numbering.format.normalize('NFC'));
  const { first, last } = yearsOf(template, numbering.reset);
  const years = { first: numbering.isDated ? first : Math.max(first, readCalendar(0, numbering.timeZone).year), last };
  const parts = [
    ...template.head,
    { seqLength: template.seqLength, mayGrow: true, radix: 10 as const },
    ...template.tail,
  ];
  const pieces = parts.flatMap((part) => piecesOf(part, numbering, years));
  return {
    numbering,
    pieces,
    lengthMin: sum(pieces.map(({ lengthMin }) => lengthMin)),
    lengthMax: sum(pieces.map(({ lengthMax }) => lengthMax)),
    years,
    hasChecks: pieces.some(({ part }) => 'check' in part),
  };
};

/** The values that a config can print, whatever it has counted so far. */
export const valuesOf = (
  config: Pick<PrefixConfig, 'strategy' | 'overflow' | 'seqLength' | 'former'>,
): { readonly first: bigint; readonly last: bigint } => {
  if (config.strategy === 'uuidv7') return { first: 0n, last: UUID_MAX };
  if (config.strategy === 'snowflake') return { first: SNOWFLAKE_MIN, last: SNOWFLAKE_MAX };
  return { first: 1n, last: limitOf(config) };
};

/** All that a config can print, or has printed since its registration. */
export const printedBy = (config: PrefixConfig): PrintedNumbering => {
  const { prefixKey, format, strategy, reset, timeZone, fiscalYearStart, version } = config;
  const values = valuesOf(config);
  // A config that was changed may have begun lower, and may have taken any date.
  const isFirst = version === 1;
  const beginsLater = isFirst && strategy !== 'uuidv7' && strategy !== 'snowflake';
  return {
    ...{ prefixKey, format, strategy, reset, timeZone, fiscalYearStart },
    isDated: reset === 'never' || config.allowPast || !isFirst,
    first: beginsLater ? config.initialSeq + 1n : values.first,
    last: values.last,
  };
};

/** The terms of a collision rule that a prefix had before. */
type FormerTerms = Pick<PrefixConfig, 'format' | 'strategy' | 'reset' | 'timeZone' | 'fiscalYearStart' | 'overflow'>;

/** All that a prefix may have printed by a collision rule that it had before. */
export const printedBefore = (prefixKey: string, former: FormerTerms): PrintedNumbering => {
  const { format, strategy, reset, timeZone, fiscalYearStart, overflow } = former;
  const { seqLength } = parseTemplate(format);
  const values = valuesOf({ strategy, overflow, seqLength, former: undefined });
  return { prefixKey, format, strategy, reset, timeZone, fiscalYearStart, isDated: true, ...values };
};
