/** Templates: the `format` of a prefix config, parsed by hand; no user text ever becomes code or a pattern. */

import { InvalidFormatError, InvalidLengthError } from '../errors.ts';
import { CHECK_DIGITS, type CheckDigit } from './check-digit.ts';
import { VARIABLES, type Variable } from './variables.ts';

/** The longest template, in UTF-16 code units. */
export const FORMAT_LENGTH_MAX = 256;
/** The widest sequence: 2^64 − 1 has 20 digits. */
export const SEQ_LENGTH_MAX = 20;

export type Part =
  | { readonly text: string }
  | { readonly variable: Variable }
  /** `{var:name}`: what the caller gives with the request under this name. */
  | { readonly given: string }
  /** Over all characters before it. */
  | { readonly check: CheckDigit };

/** A template that is known to be right: what stands before the sequence, its width, and what stands behind. */
export interface Template {
  readonly head: readonly Part[];
  readonly seqLength: number;
  readonly tail: readonly Part[];
}

/** The name of a variable that callers give. */
export const GIVEN_NAME = /^[A-Za-z0-9_-]{1,32}$/;

/** Marks belong to the letters of many scripts; what no reader can see does not, for two formats must not look the same. */
const LITERAL = /^(?!\p{Default_Ignorable_Code_Point})[\p{L}\p{Mn}\p{Mc}\p{Nd} _\-./:#+=@()[\],]$/u;
const VARIABLE_NAMES = Object.keys(VARIABLES)
  .map((name) => `{${name}}`)
  .join(' ');
const CHECK_NAMES = CHECK_DIGITS.map((name) => `{check:${name}}`).join(' ');

const readSeqLength = (argument: string | undefined): number => {
  if (argument === undefined || !/^-?[0-9]+$/.test(argument)) {
    throw new InvalidFormatError(
      '{SEQ} tag needs a length',
      'Write the sequence as {SEQ:N} with N from 1 to 20, or give seqLength beside {SEQ}',
    );
  }
  const length = Number(argument);
  if (length < 1 || length > SEQ_LENGTH_MAX || argument !== String(length)) {
    throw new InvalidLengthError(`{SEQ:N} takes a whole N from 1 to ${SEQ_LENGTH_MAX}, without leading zeros`);
  }
  return length;
};

const readCheck = (name: string, isBehindSequence: boolean): Part => {
  const check = CHECK_DIGITS.find((known) => known === name);
  if (check === undefined) throw new InvalidFormatError('Unknown variable', `Check digits are ${CHECK_NAMES}`);
  if (isBehindSequence) return { check };
  throw new InvalidFormatError(
    'Check digit before {SEQ}',
    'A check digit covers the characters before it: put it behind {SEQ:N}',
  );
};

const readTag = (tag: string, isBehindSequence: boolean): Part => {
  if (Object.hasOwn(VARIABLES, tag)) return { variable: tag as Variable };
  if (tag.startsWith('check:')) return readCheck(tag.slice('check:'.length), isBehindSequence);
  if (tag.startsWith('var:')) {
    const given = tag.slice('var:'.length);
    if (GIVEN_NAME.test(given)) return { given };
    const rule = 'The name in {var:name} has 1 to 32 characters: letters A to Z, digits, _ and -';
    throw new InvalidFormatError('Unknown variable', rule);
  }
  const hint = tag.toUpperCase().startsWith('SEQ')
    ? 'The sequence is written {SEQ:N}, in capitals'
    : `Known are {SEQ:N} ${VARIABLE_NAMES} {var:name} ${CHECK_NAMES}`;
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
 * unknown, a check digit stands before the sequence, a character is not allowed, or the text is longer than 256;
 * InvalidLengthError when N is not 1 to 20.
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
    } else parts.push(readTag(tag, seqLength !== undefined));
  }
  if (seqLength === undefined) {
    throw new InvalidFormatError(
      'Missing {SEQ} tag',
      'A format needs one {SEQ:N} with N from 1 to 20, as in INV-{year}-{SEQ:6}',
    );
  }
  return { head, seqLength, tail };
};

/** The parts of a template but for the sequence. */
export const partsOf = ({ head, tail }: Template): readonly Part[] => [...head, ...tail];

/** The names of the variables that callers must give, each once. */
export const givenNamesOf = (template: Template): readonly string[] => [
  ...new Set(partsOf(template).flatMap((part) => ('given' in part ? [part.given] : []))),
];
