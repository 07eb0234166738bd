/** Reads a number of a series by the parts of its template, without searching for patterns. */
import { checkDigitOf } from '../template/check-digit.ts';
import { findDay } from '../template/date-search.ts';
import { divide, layOut, type PlacedPart, type SequencePart } from '../template/layout.ts';
import { periodKeyOf, yearsOf } from '../template/period.ts';
import { GIVEN_VALUE, type GivenVariables } from '../template/printer.ts';
import { parseTemplate } from '../template/template.ts';
import type { Variable } from '../template/variables.ts';
import { parseValue } from '../values/value.ts';
import { limitOf, type PrefixConfig } from './prefix-config.ts';

/** The contents of a number. */
export interface NumberReading {
  readonly period: string;
  readonly value: bigint;
  readonly variables: GivenVariables;
  /** Whether all check digits are right; undefined when there are none. */
  readonly checkDigit: 'right' | 'wrong' | undefined;
}

/** @returns undefined when the series prints no such number. */
export type NumberReader = (number: string) => NumberReading | undefined;

/** A value as it is printed: filled up with zeros to the width, and with none beyond. */
const readSequence = (text: string, { seqLength, radix }: SequencePart, limit: bigint): bigint | undefined => {
  if (radix === 16) return /^[0-9a-f]+$/.test(text) ? BigInt(`0x${text}`) : undefined;
  if (!/^[0-9]+$/.test(text) || text.length < seqLength) return undefined;
  if (text.length > seqLength && text.startsWith('0')) return undefined;
  const value = parseValue(text.replace(/^0+(?=[0-9])/, ''));
  return value !== undefined && value > 0n && value <= limit ? value : undefined;
};

interface Findings {
  value: bigint | undefined;
  isRight: boolean | undefined;
  readonly dates: Map<Variable, string>;
  readonly given: Map<string, string>;
}

/** A variable that occurs more than once has the same text everywhere. */
const note = <Key>(notes: Map<Key, string>, key: Key, text: string): boolean => {
  const earlier = notes.get(key);
  notes.set(key, text);
  return earlier === undefined || earlier === text;
};

/** Notes the text of one part. @returns whether that text is possible. */
const take = (findings: Findings, part: PlacedPart, text: string, before: string, config: PrefixConfig): boolean => {
  if ('text' in part) return text === part.text;
  if ('check' in part) {
    if (!/^[0-9]+$/.test(text)) return false;
    findings.isRight = findings.isRight !== false && checkDigitOf(part.check, before) === text;
    return true;
  }
  if ('given' in part) return GIVEN_VALUE.test(text) && note(findings.given, part.given, text);
  if ('variable' in part) {
    if (part.variable === 'prefix') return text === config.prefixKey;
    return /^[0-9]+$/.test(text) && note(findings.dates, part.variable, text);
  }
  findings.value = readSequence(text, part, limitOf(config));
  return findings.value !== undefined;
};

/**
 * The numbers that a typed or copied text may mean, in the order to try: as given, without line breaks at its ends,
 * without blanks at its ends. All in NFC, as readers expect.
 */
export const spellingsOf = (text: string): readonly string[] => {
  const number = text.normalize('NFC');
  return [...new Set([number, number.replace(/^[\r\n]+|[\r\n]+$/g, ''), number.trim()])];
};

/**
 * Compiles a prefix config into the reader of its numbers, in NFC. Reading takes time in proportion to the length of the number, and looks
 * at 10,248 days at most to see whether its date variables agree (mostly at one).
 */
export const compileReader = (config: PrefixConfig): NumberReader => {
  // A format that was stored before formats were normalised may print the same characters in another encoding.
  const template = parseTemplate(config.format.normalize('NFC'));
  const layout = layOut(template, config);
  const years = yearsOf(template, config.reset);
  return (number) => {
    const texts = divide(layout, config, number);
    if (texts === undefined) return undefined;
    const findings: Findings = { value: undefined, isRight: undefined, dates: new Map(), given: new Map() };
    let before = '';
    for (const [index, part] of layout.parts.entries()) {
      const text = texts[index] ?? '';
      if (!take(findings, part, text, before, config)) return undefined;
      before += text;
    }
    const day = findDay(findings.dates, config);
    if (day === undefined || day.year < years.first || years.last < day.year) return undefined;
    if (findings.value === undefined) return undefined;
    return {
      period: periodKeyOf(day, config.reset, config.fiscalYearStart),
      value: findings.value,
      variables: Object.fromEntries(findings.given),
      checkDigit: findings.isRight === undefined ? undefined : findings.isRight ? 'right' : 'wrong',
    };
  };
};
