/** The periods in which sequences of a series are kept, for the stores that keep them in a map by their keys. */
import { columnsOf, readSequenceKey, type SeriesId, seriesKeyOf } from '../../core/values/sequence-id.ts';

/** In rising order, those after `after`, `limit` at most. */
export const listPeriodsAmong = (
  keys: Iterable<string>,
  series: SeriesId,
  after: string | undefined,
  limit: number,
): string[] =>
  [...keys]
    .map(readSequenceKey)
    .filter((sequence) => sequence !== undefined)
    .map(columnsOf)
    .filter(({ prefixKey, period }) => prefixKey === seriesKeyOf(series) && (after === undefined || period > after))
    .map(({ period }) => period)
    .sort()
    .slice(0, limit);
