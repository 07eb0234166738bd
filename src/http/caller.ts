/** Who called, for what is done in his name: known once a guard has looked at the request. */
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../core/caller.ts';
import { clientOf } from './client.ts';

export const callerOf = (request: FastifyRequest): Caller => ({
  subject: request.user?.subject,
  requestId: request.id,
  // Found out when something is bounded by it: most requests for numbers are not.
  get client() {
    return clientOf(request);
  },
});
