/** The calls on reservations: taking a number for a while, confirming it, giving it back. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { ForbiddenError } from '../../core/errors.ts';
import type { Reservation } from '../../core/ledger/ledger-rule.ts';
import { seriesOf } from '../../core/values/sequence-id.ts';
import type { ReservationService } from '../../services/sequences/reservation-service.ts';
import type { Authorizer } from '../plugins/auth.ts';
import { sends } from '../schemas/headers.ts';
import { guardedResponses, problemResponse } from '../schemas/problem.ts';
import {
  confirmBody,
  reservationBody,
  reservationHeaders,
  reservationParams,
  reservationReply,
  toReservationReply,
  voidBody,
} from '../schemas/reservations.ts';
import { securedBy } from '../schemas/security.ts';
import { callerOf } from '../wire/caller.ts';
import { identifyReservation, readIdempotencyKey } from '../wire/idempotency-key.ts';

export interface ReservationRoutesOptions {
  readonly reservationService: ReservationService;
  readonly authorizer: Authorizer;
  /** `open`: to everybody, as numbers are. */
  readonly numbersAuth: 'open' | 'required';
}

const endedResponse = {
  ...guardedResponses,
  200: reservationReply,
  404: problemResponse('NOT_FOUND'),
  409: problemResponse('RESERVATION_ENDED'),
};

export const reservationRoutes: FastifyPluginAsyncZod<ReservationRoutesOptions> = async (
  server,
  { reservationService, authorizer, numbersAuth },
) => {
  const isGuarded = numbersAuth === 'required';
  const described = (operationId: string, summary: string) => ({
    operationId,
    tags: ['reservations'],
    summary,
    ...(isGuarded && { security: securedBy('numbers:issue') }),
  });
  const guard = isGuarded ? authorizer.guard('numbers:issue') : authorizer.verify;

  /** Which prefix a reservation belongs to is known only when it was read. */
  const read = async (request: FastifyRequest, id: string): Promise<Reservation> => {
    const reservation = await reservationService.read(id);
    if (isGuarded) authorizer.require(request, 'numbers:issue', reservation.sequence.series.prefixKey);
    return reservation;
  };
  /** A number is confirmed or given back by the caller that took it, or by an administrator of the sequence. */
  const readOwn = async (request: FastifyRequest, id: string): Promise<Reservation> => {
    const reservation = await read(request, id);
    const { subject, sequence } = reservation;
    const { prefixKey } = sequence.series;
    const isTheirs = subject === undefined || subject === request.user?.subject;
    if (isTheirs || authorizer.permits(request, 'sequences:admin', prefixKey)) return reservation;
    throw new ForbiddenError({ kind: 'reserved-by-another', prefixKey });
  };
  const show = (reply: FastifyReply, reservation: Reservation): z.output<typeof reservationReply> => {
    reply.header('Cache-Control', 'no-store');
    return toReservationReply(reservation);
  };

  server.post(
    '/reservations',
    {
      config: { prefixNotRegisteredStatus: 400, idempotencyKey: 'honoured' },
      schema: {
        ...described('reserveNumber', 'Take the next number of a gapless prefix for a while'),
        ...sends({ 201: ['Cache-Control', 'Location', 'X-Number-Source'] }),
        headers: reservationHeaders,
        body: reservationBody,
        response: {
          ...guardedResponses,
          201: reservationReply,
          400: problemResponse('VALIDATION_ERROR', 'PREFIX_NOT_REGISTERED'),
          409: problemResponse('SEQUENCE_OVERFLOW'),
          422: problemResponse('IDEMPOTENCY_CONFLICT'),
        },
      },
      ...(isGuarded
        ? authorizer.guard('numbers:issue', (request) => (request.body as { prefixKey: string }).prefixKey)
        : authorizer.verify),
    },
    async (request, reply) => {
      const { prefixKey, ttlMs, variables } = request.body;
      const key = readIdempotencyKey(request.headers['idempotency-key']);
      const caller = callerOf(request);
      const receipt = key === undefined ? undefined : identifyReservation(key, caller.subject, request.body);
      const options = { ttlMs, variables, receipt, caller };
      const { reservation, source } = await reservationService.reserve(seriesOf(prefixKey), options);
      reply
        .code(201)
        .header('X-Number-Source', source)
        .header('Location', `${request.routeOptions.url}/${reservation.id}`);
      return show(reply, reservation);
    },
  );

  server.get(
    '/reservations/:id',
    {
      schema: {
        ...described('getReservation', 'Read a reservation'),
        ...sends({ 200: ['Cache-Control'] }),
        params: reservationParams,
        response: { ...guardedResponses, 200: reservationReply, 404: problemResponse('NOT_FOUND') },
      },
      ...guard,
    },
    async (request, reply) => show(reply, await read(request, request.params.id)),
  );

  server.post(
    '/reservations/:id/confirm',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described('confirmReservation', 'Make a reserved number final; may be repeated'),
        ...sends({ 200: ['Cache-Control'] }),
        params: reservationParams,
        body: confirmBody.nullish(),
        response: endedResponse,
      },
      ...guard,
    },
    async (request, reply) => {
      const before = await readOwn(request, request.params.id);
      return show(reply, await reservationService.confirm(before, callerOf(request)));
    },
  );

  server.post(
    '/reservations/:id/void',
    {
      config: { idempotencyKey: 'needless' },
      schema: {
        ...described('voidReservation', 'Give a reserved number back: it is the next one handed out; may be repeated'),
        ...sends({ 200: ['Cache-Control'] }),
        params: reservationParams,
        body: voidBody,
        response: endedResponse,
      },
      ...guard,
    },
    async (request, reply) => {
      const before = await readOwn(request, request.params.id);
      return show(reply, await reservationService.void(before, request.body.reason, callerOf(request)));
    },
  );
};
