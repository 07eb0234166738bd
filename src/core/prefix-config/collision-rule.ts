/**
 * Whether two collision rules of one prefix could print the same number, which a change of a live prefix must not do.
 */
import { readCalendar } from '../template/calendar.ts';
import { checkDigitOf } from '../template/check-digit.ts';
import { type Part, parseTemplate, SEQ_LENGTH_MAX } from '../template/template.ts';
import { VARIABLES } from '../template/variables.ts';
import type { Numbering } from './numbering.ts';

/** A number as far as it is known beforehand. */
interface Shape {
  /** The characters that are not digits, in order, with a mark for each run of digits between them. */
  readonly skeleton: string;
  /** Which of the runs contains the sequence, and how many digits of that run stand before and after it. */
  readonly place: string;
  /** Characters beside the sequence. */
  readonly length: number;
  /** Callers give a part of it, so nothing is known. */
  readonly isOpen: boolean;
}

// Two characters that no format can have.
const RUN = '*';
const SEQUENCE = '~';
const SAMPLE = readCalendar(Date.UTC(2026, 10, 25, 12), 'UTC');

/** Zeros stand for any digits: variables of the calendar have a fixed width. */
const textOf = (part: Part, prefixKey: string): string => {
  if ('text' in part) return part.text;
  if ('given' in part) return '';
  if ('check' in part) return '0'.repeat(checkDigitOf(part.check, '1').length);
  return VARIABLES[part.variable](SAMPLE, { prefixKey, timeZone: 'UTC', fiscalYearStart: '01-01' });
};

const shapeOf = (prefixKey: string, format: string): Shape => {
  const { head, tail } = parseTemplate(format);
  const print = (parts: readonly Part[]): string => parts.map((part) => textOf(part, prefixKey)).join('');
  const [before, after] = [print(head), print(tail)];
  const left = /[0-9]*$/.exec(before)?.[0].length ?? 0;
  const right = /^[0-9]*/.exec(after)?.[0].length ?? 0;
  const runsBefore = before.slice(0, before.length - left).match(/[0-9]+/g)?.length ?? 0;
  const skeleton = `${before}${SEQUENCE}${after}`.replace(/[0-9]*~[0-9]*|[0-9]+/g, RUN);
  return {
    skeleton,
    place: `${runsBefore} ${left} ${right}`,
    length: before.length + after.length,
    isOpen: [...head, ...tail].some((part) => 'given' in part),
  };
};

/** A format without the width of its sequence. */
const framing = (format: string): string => format.replace(/\{SEQ:[0-9]+\}/, '{SEQ}');

/** Strategies of one space take their values from the same place, each once. */
const spaceOf = ({ strategy, reset }: Numbering): string => {
  if (strategy === 'snowflake' || strategy === 'uuidv7') return strategy;
  return `${strategy === 'gapless' ? 'ledger' : 'counter'} ${reset}`;
};

const UUID_DIGITS = 32;

/** UUIDs are random: only a number of another kind, written to look like one, could be the same. */
const meetsUuid = (prefixKey: string, uuid: Numbering, other: Numbering): boolean => {
  if (other.strategy === 'uuidv7') return false;
  const [one, two] = [shapeOf(prefixKey, uuid.format), shapeOf(prefixKey, other.format)];
  return one.isOpen || two.isOpen
    ? framing(uuid.format) !== framing(other.format)
    : two.length + SEQ_LENGTH_MAX >= one.length + UUID_DIGITS;
};

/**
 * Whether a number of `one` could ever be printed by `other` too. Values of counters and snowflakes differ in size: a
 * prefix with both keeps its counter below all snowflakes (`SNOWFLAKE_MIN`).
 */
export const couldMeet = (prefixKey: string, one: Numbering, other: Numbering): boolean => {
  if (one.strategy === 'uuidv7') return meetsUuid(prefixKey, one, other);
  if (other.strategy === 'uuidv7') return meetsUuid(prefixKey, other, one);
  const [space, otherSpace] = [spaceOf(one), spaceOf(other)];
  const areApart = space === otherSpace || space === 'snowflake' || otherSpace === 'snowflake';
  const isSameFraming = framing(one.format) === framing(other.format);
  const [shape, otherShape] = [shapeOf(prefixKey, one.format), shapeOf(prefixKey, other.format)];
  if (!(shape.isOpen || otherShape.isOpen) && shape.skeleton !== otherShape.skeleton) return false;
  if (!areApart) return true;
  if (isSameFraming) return false;
  // With periods two formats may show different periods alike: 2027-05 as year and month, or as month and year.
  if (shape.isOpen || otherShape.isOpen || one.reset !== 'never' || other.reset !== 'never') return true;
  return shape.place !== otherShape.place;
};
