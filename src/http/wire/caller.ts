/** The caller of a request, known once a guard has checked it. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../core/caller.ts';
import { clientOf } from './client.ts';

export const callerOf = (request: FastifyRequest): Caller => ({
  subject: request.user?.subject,
  requestId: request.id,
  // Worked out for every request, although few need it: a getter would be a function, and a shape of its own, for each.
  client: clientOf(request),
});
