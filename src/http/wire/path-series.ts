/** The series that the path of a request names. */
import type { FastifyRequest } from 'fastify';
import { type SeriesId, seriesOf } from '../../core/values/sequence-id.ts';

/** For routes with `:prefixKey` in their path. */
export const prefixKeyIn = (request: FastifyRequest): string => (request.params as { prefixKey: string }).prefixKey;

/** The same, as services take it. */
export const seriesIn = (request: FastifyRequest): SeriesId => seriesOf(prefixKeyIn(request));
