/** Who called, for what is done in his name: known once a guard has looked at the request. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../../core/caller.ts';
import { clientOf } from './client.ts';

export const callerOf = (request: FastifyRequest): Caller => ({
  subject: request.user?.subject,
  requestId: request.id,
  // Found out for every request, though few are bounded by it: a getter here would be a function, and a shape of its own, for each.
  client: clientOf(request),
});
