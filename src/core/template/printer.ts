/** Printing: a template compiled for one series, from an instant and the caller's variables to the text of a number. */

import type { FieldProblem } from '../error-params.ts';
import { ValidationError } from '../errors.ts';
import type { Range } from '../values/range.ts';
import { type CalendarReading, readCalendar } from './calendar.ts';
import { continueCheck, endCheck } from './check-digit.ts';
import { givenNamesOf, type Part, type Template } from './template.ts';
import { type PrintedSeries, VARIABLES } from './variables.ts';

/** What a caller gives for `{var:name}`, by name. */
export type GivenVariables = Readonly<Record<string, string>>;

/** The value of a variable that callers give. */
export const GIVEN_VALUE = /^[A-Za-z0-9]{1,32}$/;

/** Prints one value. The text around it belongs to one instant, and to the variables of one request. */
export interface NumberPrinter {
  (value: bigint): string;
  /** Present when all it prints is this text around the digits of the value, which are filled up with zeros to `width`. */
  readonly frame?: { readonly before: string; readonly width: number; readonly after: string };
}

/** Printed in one go: bounds how long the event loop is kept busy. */
const NUMBERS_PER_PIECE = 200;

/** Prints all values of these ranges, in their order: in pieces, each when it is asked for. */
export function* printPieces(ranges: readonly Range[], print: NumberPrinter): Generator<string[]> {
  let piece: string[] = [];
  for (const { first, last } of ranges) {
    for (let value = first; value <= last; value += 1n) {
      piece.push(print(value));
      if (piece.length < NUMBERS_PER_PIECE) continue;
      yield piece;
      piece = [];
    }
  }
  if (piece.length > 0) yield piece;
}

/**
 * Makes the printer of a request, all date variables of which show the same instant.
 * @throws ValidationError when a variable is missing, unknown, or not 1 to 32 letters and digits; its path is `variables.name`.
 */
export type PrinterSource = (given?: GivenVariables) => NumberPrinter;

const NONE: GivenVariables = {};
/** Of a UUID, without hyphens; the `N` of `{SEQ:N}` says nothing about them. */
const UUID_DIGITS = 32;

const problemsOf = (names: readonly string[], given: GivenVariables): FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const complain = (name: string, message: string): void => {
    problems.push({ path: `variables.${name}`, message });
  };
  for (const name of names) {
    if (!Object.hasOwn(given, name)) complain(name, 'The format needs this variable: give it in variables');
  }
  for (const [name, value] of Object.entries(given)) {
    if (!names.includes(name)) complain(name, 'The format has no such variable');
    else if (!GIVEN_VALUE.test(value)) complain(name, '1 to 32 letters A to Z and digits');
  }
  return problems;
};

/** Puts the digits of a value between the texts around them. What stands before them is looked at once, not for each number. */
const printAround = (
  before: string,
  tail: readonly Part[],
  render: (part: Part) => string,
): ((digits: string) => string) => {
  const parts = tail.map((part) =>
    'check' in part
      ? { check: part.check, begun: continueCheck(part.check, 0, before) }
      : { text: render(part), check: undefined },
  );
  if (parts.every(({ check }) => check === undefined)) {
    const after = tail.map(render).join('');
    return (digits) => before + digits + after;
  }
  return (digits) => {
    let added = digits;
    for (const part of parts) {
      added +=
        part.check === undefined ? part.text : endCheck(part.check, continueCheck(part.check, part.begun, added));
    }
    return before + added;
  };
};

/**
 * Compiles a template for one series.
 * @returns a function from an instant (ms since 1970-01-01T00:00:00Z) to what makes the printers for that instant. It reads
 * the calendar each time: keep what it returns.
 */
export const compileTemplate = (template: Template, series: PrintedSeries): ((instantMs: number) => PrinterSource) => {
  const { head, seqLength, tail } = template;
  const names = givenNamesOf(template);
  const print = (reading: CalendarReading, given: GivenVariables): NumberPrinter => {
    const render = (part: Part): string => {
      if ('text' in part) return part.text;
      if ('given' in part) return given[part.given] ?? '';
      return 'check' in part ? '' : VARIABLES[part.variable](reading, series);
    };
    const before = head.map(render).join('');
    const finish = printAround(before, tail, render);
    if (series.strategy === 'uuidv7') return (value) => finish(value.toString(16).padStart(UUID_DIGITS, '0'));
    const printer = (value: bigint): string => finish(value.toString().padStart(seqLength, '0'));
    return tail.some((part) => 'check' in part)
      ? printer
      : Object.assign(printer, { frame: { before, width: seqLength, after: finish('').slice(before.length) } });
  };
  return (instantMs) => {
    const reading = readCalendar(instantMs, series.timeZone);
    const plain = names.length === 0 ? print(reading, NONE) : undefined;
    return (given = NONE) => {
      // The usual case: nothing needed, nothing given, nothing made anew.
      if (plain !== undefined && given === NONE) return plain;
      const problems = problemsOf(names, given);
      if (problems.length > 0) throw new ValidationError(problems);
      return plain ?? print(reading, given);
    };
  };
};
