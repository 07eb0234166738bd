/** Templates: the `format` of a prefix config, parsed by hand and compiled to a function; no user text ever becomes code or a pattern. */
import { type CalendarReading, fiscalYearOf, readCalendar } from './calendar.ts';
import { InvalidFormatError, InvalidLengthError } from './errors.ts';

/** The longest template, in UTF-16 code units. */
export const FORMAT_LENGTH_MAX = 256;
/** The widest sequence: 2^64 − 1 has 20 digits. */
export const SEQ_LENGTH_MAX = 20;

interface Series {
  readonly prefixKey: string;
  readonly timeZone: string;
  readonly fiscalYearStart: string;
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** What each variable prints; widths are minimal and zero-filled. */
const VARIABLES = {
  prefix: (_reading: CalendarReading, series: Series) => series.prefixKey,
  year: (reading: CalendarReading) => digits(reading.year, 4),
  yy: (reading: CalendarReading) => digits(reading.year % 100, 2),
  month: (reading: CalendarReading) => digits(reading.month, 2),
  day: (reading: CalendarReading) => digits(reading.day, 2),
  hour: (reading: CalendarReading) => digits(reading.hour, 2),
  quarter: (reading: CalendarReading) => digits(reading.quarter, 1),
  week: (reading: CalendarReading) => digits(reading.week, 2),
  weekYear: (reading: CalendarReading) => digits(reading.weekYear, 4),
  dayOfYear: (reading: CalendarReading) => digits(reading.dayOfYear, 3),
  fiscalYear: (reading: CalendarReading, series: Series) => digits(fiscalYearOf(reading, series.fiscalYearStart), 4),
} as const;

export type Variable = keyof typeof VARIABLES;

type Part = { readonly text: string } | { readonly variable: Variable };

/** A template that is known to be right: what stands before the sequence, its width, and what stands behind. */
export interface Template {
  readonly head: readonly Part[];
  readonly seqLength: number;
  readonly tail: readonly Part[];
}

/** Prints one value. The text around it belongs to the instant the printer was made for. */
export type NumberPrinter = (value: bigint) => string;

/** Marks belong to the letters of many scripts; what no reader can see does not, for two formats must not look the same. */
const LITERAL = /^(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{Mn}\p{Mc}\p{Nd} _\-./:#+=@()[\],]$/u;
const VARIABLE_NAMES = Object.keys(VARIABLES)
  .map((name) => `{${name}}`)
  .join(' ');

const readSeqLength = (argument: string | undefined): number => {
  if (argument === undefined || !/^-?[0-9]+$/.test(argument)) {
    throw new InvalidFormatError('{SEQ} tag needs a length', 'Write the sequence as {SEQ:N} with N from 1 to 20');
  }
  const length = Number(argument);
  if (length < 1 || length > SEQ_LENGTH_MAX || argument !== String(length)) {
    throw new InvalidLengthError(`{SEQ:N} takes a whole N from 1 to ${SEQ_LENGTH_MAX}, without leading zeros`);
  }
  return length;
};

const readVariable = (name: string): Variable => {
  if (Object.hasOwn(VARIABLES, name)) return name as Variable;
  const hint = name.toUpperCase().startsWith('SEQ')
    ? 'The sequence is written {SEQ:N}, in capitals'
    : `Known are {SEQ:N} ${VARIABLE_NAMES}`;
  throw new InvalidFormatError('Unknown variable', hint);
};

const readLiteral = (char: string): string => {
  if (LITERAL.test(char)) return char;
  const codePoint = (char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  throw new InvalidFormatError(
    'Character not allowed',
    `The character U+${codePoint} is not allowed: use letters, digits, space and _ - . / : # + = @ ( ) [ ] ,`,
  );
};

const unbalanced = (): InvalidFormatError =>
  new InvalidFormatError('Unbalanced braces', 'Every { needs its }, and tags cannot be nested');

/** Splits a template into literal characters and the texts between braces. */
const scan = (format: string): { literal?: string; tag?: string }[] => {
  const tokens: { literal?: string; tag?: string }[] = [];
  let tag: string | undefined;
  for (const char of format) {
    if (tag === undefined) {
      if (char === '}') throw unbalanced();
      if (char === '{') tag = '';
      else tokens.push({ literal: readLiteral(char) });
    } else if (char === '}') {
      tokens.push({ tag });
      tag = undefined;
    } else if (char === '{') throw unbalanced();
    else tag += char;
  }
  if (tag !== undefined) throw unbalanced();
  return tokens;
};

/**
 * Parses a template.
 * @throws InvalidFormatError when `{SEQ:N}` is missing, doubled or without length, braces do not balance, a variable is
 * unknown, a character is not allowed, or the text is longer than 256; InvalidLengthError when N is not 1 to 20.
 */
export const parseTemplate = (format: string): Template => {
  if (format.length > FORMAT_LENGTH_MAX) {
    throw new InvalidFormatError('Format is too long', `A format has at most ${FORMAT_LENGTH_MAX} characters`);
  }
  const head: Part[] = [];
  const tail: Part[] = [];
  let seqLength: number | undefined;
  for (const { literal, tag } of scan(format)) {
    const parts = seqLength === undefined ? head : tail;
    if (tag === undefined) parts.push({ text: literal ?? '' });
    else if (tag === 'SEQ' || tag.startsWith('SEQ:')) {
      if (seqLength !== undefined) {
        throw new InvalidFormatError('More than one {SEQ} tag', 'A format has exactly one {SEQ:N}');
      }
      seqLength = readSeqLength(tag === 'SEQ' ? undefined : tag.slice(4));
    } else parts.push({ variable: readVariable(tag) });
  }
  if (seqLength === undefined) {
    throw new InvalidFormatError(
      'Missing {SEQ} tag',
      'A format needs one {SEQ:N} with N from 1 to 20, as in INV-{year}-{SEQ:6}',
    );
  }
  return { head, seqLength, tail };
};

const MINUTE_MS = 60_000;

/**
 * Compiles a template for one series.
 * @returns a function from an instant (ms since 1970-01-01T00:00:00Z) to the printer for that instant. All date
 * variables come from that one reading. Printers are kept for the current minute, since zones are offset by whole minutes.
 */
export const compileTemplate = (template: Template, series: Series): ((instantMs: number) => NumberPrinter) => {
  const { head, seqLength, tail } = template;
  const render = (parts: readonly Part[], reading: CalendarReading): string =>
    parts.map((part) => ('text' in part ? part.text : VARIABLES[part.variable](reading, series))).join('');
  const printerAt = (instantMs: number): NumberPrinter => {
    const reading = readCalendar(instantMs, series.timeZone);
    const before = render(head, reading);
    const after = render(tail, reading);
    return (value) => before + value.toString().padStart(seqLength, '0') + after;
  };
  let keptMinute = Number.NaN;
  let kept: NumberPrinter;
  return (instantMs) => {
    const minute = Math.floor(instantMs / MINUTE_MS);
    if (minute !== keptMinute) {
      kept = printerAt(instantMs);
      keptMinute = minute;
    }
    return kept;
  };
};
