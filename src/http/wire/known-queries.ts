/** Queries that were read lately: callers send the same few again and again, and reading one costs as much as a twelfth of a reply. */
import { parse } from 'fast-querystring';
import { putBounded } from '../../core/bounded-map.ts';

const QUERIES_MAX = 10_000;
const LENGTH_MAX = 256;

/** Parses the text after the question mark. The same text gives the same object, which is frozen, as long as it is remembered. */
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
 * Remembers what a schema made of a query, for as long as the parser remembers that. Refusals are made anew each time.
 * @param read gives `{ value }`, or what is wrong.
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
