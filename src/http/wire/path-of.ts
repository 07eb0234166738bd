/** What of an address may be written down. */
import type { FastifyRequest } from 'fastify';

/** The path without the query, where callers put secrets by mistake. */
export const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '';
