/** The part of a URL that may be logged. */
import type { FastifyRequest } from 'fastify';

/** The path without the query, in which callers put secrets by mistake. */
export const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';
