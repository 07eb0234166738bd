/**
 * How the text of a number divides into the parts of its template.
 *
 * Everything in a number has a width that is known beforehand, but for the variables that callers give and a sequence that may
 * grow. Such a part ends by itself where a literal follows that it cannot contain. Otherwise it must be the only one whose ends
 * are not known; then it is what the others leave. A template for which that holds divides every number in one way only, so two
 * numbers of one series that read the same are of the same period and value.
 */

import { VALUE_MAX } from '../values/value.ts';
import type { CalendarReading } from './calendar.ts';
import { CHECK_DIGIT_WIDTH } from './check-digit.ts';
import type { Part, Template } from './template.ts';
import { type PrintedSeries, VARIABLES } from './variables.ts';

/** The widest value: 2^64 − 1. */
const VALUE_WIDTH_MAX = String(VALUE_MAX).length;
const UUID_DIGITS = 32;

/** The sequence itself, among the other parts. */
export interface SequencePart {
  readonly seqLength: number;
  /** Whether values with more digits than that are printed too. */
  readonly mayGrow: boolean;
  /** 16 for UUIDs: always 32 digits. */
  readonly radix: 10 | 16;
}

export type PlacedPart = Part | SequencePart;

/** Whether a character can stand in the text of a part whose width is not known. */
const contains = (part: PlacedPart, char: string): boolean =>
  'given' in part ? /^[A-Za-z0-9]$/.test(char) : /^[0-9]$/.test(char);

const ANY_DAY: CalendarReading = {
  year: 2026,
  month: 1,
  day: 1,
  hour: 0,
  quarter: 1,
  week: 1,
  weekYear: 2026,
  dayOfYear: 1,
};

/** Characters (UTF-16 code units) that a part always has; undefined when that differs from number to number. */
const widthOf = (part: PlacedPart, series: PrintedSeries): number | undefined => {
  if ('text' in part) return part.text.length;
  if ('check' in part) return CHECK_DIGIT_WIDTH[part.check];
  if ('variable' in part) return VARIABLES[part.variable](ANY_DAY, series).length;
  if ('given' in part) return undefined;
  if (part.radix === 16) return UUID_DIGITS;
  return part.mayGrow && part.seqLength < VALUE_WIDTH_MAX ? undefined : part.seqLength;
};

/** The longest text that a template prints, in UTF-16 code units. */
export const PRINTED_LENGTH_MAX = 256;
/** Check digits over a number that has some already find no more errors. */
export const CHECKS_MAX = 2;
const GIVEN_LENGTH_MAX = 32;
const PREFIX_KEY_LENGTH_MAX = 64;

/** How long a number can get that is printed by this template. */
export const printedLengthOf = (template: Template, terms: SequenceTerms): number => {
  const longest = { ...SOME_SERIES, prefixKey: 'X'.repeat(PREFIX_KEY_LENGTH_MAX) };
  return layOut(template, terms).parts.reduce(
    (sum, part) => sum + (widthOf(part, longest) ?? ('given' in part ? GIVEN_LENGTH_MAX : VALUE_WIDTH_MAX)),
    0,
  );
};

export interface TemplateLayout {
  readonly parts: readonly PlacedPart[];
  /** How many parts can be read from the left, one after the other … */
  readonly fromLeft: number;
  /** … and how many from the right. A part that remains, if any, lies between. */
  readonly fromRight: number;
  /** Neighbours without a clear boundary between them; undefined when every number divides in one way only. */
  readonly undivided: readonly PlacedPart[] | undefined;
}

const SOME_SERIES: PrintedSeries = { prefixKey: 'X', timeZone: 'UTC', fiscalYearStart: '01-01' };

/** What decides how wide the sequence is. */
type SequenceTerms = Pick<PrintedSeries, 'strategy'> & { readonly overflow: 'extend' | 'reject' };

export const layOut = ({ head, seqLength, tail }: Template, { overflow, strategy }: SequenceTerms): TemplateLayout => {
  const radix = strategy === 'uuidv7' ? 16 : 10;
  const parts: PlacedPart[] = [...head, { seqLength, mayGrow: overflow === 'extend', radix }, ...tail];
  /** Whether a part's end is known once its beginning is, `neighbour` being the part at that end. */
  const ends = (part: PlacedPart | undefined, neighbour: PlacedPart | undefined): boolean => {
    if (part === undefined) return false;
    if (widthOf(part, SOME_SERIES) !== undefined || neighbour === undefined) return true;
    return 'text' in neighbour && !contains(part, neighbour.text);
  };
  let fromLeft = 0;
  while (ends(parts[fromLeft], parts[fromLeft + 1])) fromLeft += 1;
  let fromRight = 0;
  while (fromLeft + fromRight < parts.length && ends(parts.at(-1 - fromRight), parts.at(-2 - fromRight)))
    fromRight += 1;
  const between = parts.slice(fromLeft, parts.length - fromRight);
  return { parts, fromLeft, fromRight, undivided: between.length > 1 ? between : undefined };
};

const wayOf = (text: string, part: PlacedPart, from: number, step: 1 | -1): number => {
  let at = from;
  while (contains(part, text.charAt(at))) at += step;
  return Math.abs(at - from);
};

/**
 * Divides a text as the layout says, without looking whether the parts are right.
 * @returns the text of each part at its index; undefined when the text is too short, or something is left over.
 */
export const divide = (layout: TemplateLayout, series: PrintedSeries, text: string): readonly string[] | undefined => {
  const { parts, fromLeft, fromRight } = layout;
  const texts = parts.map(() => '');
  let [begin, end] = [0, text.length];
  for (const [index, part] of parts.slice(0, fromLeft).entries()) {
    const width = widthOf(part, series) ?? wayOf(text, part, begin, 1);
    texts[index] = text.slice(begin, begin + width);
    begin += width;
  }
  for (let index = parts.length - 1; index >= parts.length - fromRight; index -= 1) {
    const part = parts[index] as PlacedPart;
    const width = widthOf(part, series) ?? wayOf(text, part, end - 1, -1);
    texts[index] = text.slice(Math.max(end - width, 0), end);
    end -= width;
  }
  const isWhole = fromLeft + fromRight === parts.length;
  if (begin > end || (isWhole && begin !== end)) return undefined;
  if (!isWhole) texts[fromLeft] = text.slice(begin, end);
  return texts;
};

/** A part as a template spells it. */
export const spell = (part: PlacedPart): string => {
  if ('text' in part) return part.text;
  if ('variable' in part) return `{${part.variable}}`;
  if ('given' in part) return `{var:${part.given}}`;
  return 'check' in part ? `{check:${part.check}}` : `{SEQ:${part.seqLength}}`;
};
