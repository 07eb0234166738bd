/** Remembers queries that were parsed lately: callers send the same few again and again, and parsing is expensive. */
import { parse } from 'fast-querystring';
import { putBounded } from '../../core/bounded-map.ts';

const QUERIES_MAX = 10_000;
const LENGTH_MAX = 256;

/** Parses the text after the question mark. As long as it is remembered, the same text gives the same frozen object. */
export const createQueryParser = (queriesMax = QUERIES_MAX): ((text: string) => Record<string, unknown>) => {
  const known = new Map<string, Record<string, unknown>>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const query = Object.freeze(parse(text));
    if (text.length <= LENGTH_MAX) putBounded(known, text, query, queriesMax);
    return query;
  };
};

/**
 * Remembers the output of a schema for a query, as long as the parser remembers the query. Refusals are made anew each
 * time.
 * @param read returns `{ value }`, or what is wrong.
 */
export const rememberReading = <Reading extends object>(
  read: (query: object) => Reading,
): ((query: object) => Reading) => {
  const readings = new WeakMap<object, Reading>();
  return (query) => {
    const known = readings.get(query);
    if (known !== undefined) return known;
    const reading = read(query);
    if (!('value' in reading)) return reading;
    // All requests with this query get it.
    Object.freeze(reading.value);
    readings.set(query, reading);
    return reading;
  };
};
