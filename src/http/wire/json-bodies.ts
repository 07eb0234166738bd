/** Reads JSON bodies, except those that would cost far more to read than to send. */
import type { ConstructorAction, FastifyBodyParser, FastifyInstance, ProtoAction } from 'fastify';
import { ValidationError } from '../../core/errors.ts';

/** No valid body has more than three. A large body of brackets takes hundreds of times its size when it is parsed. */
const LEVELS_MAX = 32;
/**
 * No valid body has more than a hundred. Each costs time to parse, to check for poisoned names and to report if
 * unknown.
 */
const MEMBERS_MAX = 5_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

export interface Bulk {
  /** How deeply arrays and objects are nested. */
  readonly levels: number;
  /** How many commas separate their members: one less than there are members in each. */
  readonly commas: number;
}

/** @returns the size of a JSON text, counted until it exceeds `max`; for another text anything. */
export const bulkOf = (text: string, max: Bulk): Bulk => {
  let [level, levels, commas, isInString] = [0, 0, 0, false];
  for (let at = 0; at < text.length && levels <= max.levels && commas <= max.commas; at += 1) {
    const code = text.charCodeAt(at);
    if (isInString) {
      if (code === BACKSLASH) at += 1;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) isInString = true;
    else if (code === COMMA) commas += 1;
    else if (OPENING.has(code)) levels = Math.max(levels, ++level);
    else if (CLOSING.has(code)) level -= 1;
  }
  return { levels, commas };
};

const MAX: Bulk = { levels: LEVELS_MAX, commas: MEMBERS_MAX };

/** @returns which limit a body exceeds. */
const problemOf = (text: string): string | undefined => {
  // Too short for it: the usual case.
  if (text.length <= LEVELS_MAX) return undefined;
  const { levels, commas } = bulkOf(text, MAX);
  if (levels > LEVELS_MAX) return `Nested more than ${LEVELS_MAX} levels deep`;
  if (commas > MEMBERS_MAX) return `Has more than ${MEMBERS_MAX} fields and elements`;
  return undefined;
};

const ERROR: ProtoAction & ConstructorAction = 'error';

/** @returns a parser that takes an empty body as none: many clients announce JSON on every call. */
export const createJsonReader = (server: FastifyInstance): FastifyBodyParser<string> => {
  const read = server.getDefaultJsonParser(ERROR, ERROR);
  return (request, body, done) => {
    const message = problemOf(body);
    if (body === '') done(null, undefined);
    else if (message !== undefined) done(new ValidationError([{ path: 'body', message }]));
    else void read(request, body, done);
  };
};
