/** What the calls on reservations take and reply. */

import { z } from 'zod';
import type { Reservation } from '../../core/ledger/ledger-rule.ts';
import { prefixKeySchema } from '../../core/prefix-config/prefix-config-fields.ts';
import { EXAMPLE, SAME_AS } from '../../core/schema-marks.ts';
import { instant } from './instant.ts';
import { idempotencyHeadersFor } from './numbers.ts';
import { reasonSchema } from './reason.ts';
import { value } from './value.ts';
import { variablesObject } from './variables.ts';

/** A week. */
const TTL_SECONDS_MAX = 604_800;
const TTL_SECONDS_DEFAULT = 900;
const TTL_RULE = `A whole number from 1 to ${TTL_SECONDS_MAX}`;

const ttlSeconds = z
  .int(TTL_RULE)
  .min(1, TTL_RULE)
  .max(TTL_SECONDS_MAX, TTL_RULE)
  .describe(`How long it may be confirmed, 1 to ${TTL_SECONDS_MAX} s; default ${TTL_SECONDS_DEFAULT}.`);

export const reservationBody = z
  .strictObject({
    prefixKey: prefixKeySchema.optional(),
    prefix_key: prefixKeySchema.optional().meta({ [SAME_AS]: 'prefixKey' }),
    ttlSeconds: ttlSeconds.optional(),
    ttl_seconds: ttlSeconds.optional().meta({ [SAME_AS]: 'ttlSeconds' }),
    variables: variablesObject,
  })
  .transform(({ prefixKey, prefix_key: snakeKey, ttlSeconds: ttl, ttl_seconds: snakeTtl, variables }, ctx) => {
    const twice = (path: string, other: string) =>
      ctx.addIssue({ code: 'custom', path: [path], message: `Given as ${other} too, with another value` });
    if (prefixKey !== undefined && snakeKey !== undefined && prefixKey !== snakeKey) twice('prefix_key', 'prefixKey');
    if (ttl !== undefined && snakeTtl !== undefined && ttl !== snakeTtl) twice('ttl_seconds', 'ttlSeconds');
    const given = prefixKey ?? snakeKey;
    if (given === undefined) ctx.addIssue({ code: 'custom', path: ['prefixKey'], message: 'Required, but missing' });
    return { prefixKey: given ?? '', ttlMs: (ttl ?? snakeTtl ?? TTL_SECONDS_DEFAULT) * 1_000, variables };
  })
  .meta({ id: 'ReservationRequest', required: ['prefixKey'], [EXAMPLE]: { prefixKey: 'BOOK', ttlSeconds: 900 } });

export const reservationHeaders = idempotencyHeadersFor('the same reservation');

export const reservationParams = z.strictObject({
  id: z.uuid('A reservation id as it was given: a UUID').transform((id) => id.toLowerCase()),
});

export const voidBody = z
  .strictObject({
    reason: reasonSchema.describe('Stays in the ledger.'),
  })
  .meta({ id: 'VoidRequest', [EXAMPLE]: { reason: 'The customer left' } });

export const confirmBody = z.strictObject({}).meta({ id: 'ConfirmRequest', [EXAMPLE]: {} });

export const reservationReply = z
  .object({
    id: z.string(),
    prefixKey: z.string(),
    period: z.string(),
    number: z.string(),
    value,
    state: z.enum(['reserved', 'confirmed', 'void', 'expired']).meta({ id: 'ReservationState' }),
    reservedAt: instant.describe('By the clock of the store.'),
    expiresAt: instant.describe('Until then it may be confirmed; then the number comes again.'),
    endedAt: instant.nullable().describe('When it was confirmed, voided or expired.'),
    reason: z.string().nullable().describe('Why it was voided.'),
  })
  .meta({
    id: 'Reservation',
    examples: [
      {
        id: '0f5e9a4c-3f1d-4b0e-9a53-6f2f9d3c7a10',
        prefixKey: 'INV',
        period: '2026',
        number: 'INV-2026-000124',
        value: '124',
        state: 'reserved',
        reservedAt: '2026-11-25T14:00:00.000Z',
        expiresAt: '2026-11-25T14:15:00.000Z',
        endedAt: null,
        reason: null,
      },
    ],
  });

const timeOf = (ms: number): string => new Date(ms).toISOString();

export const toReservationReply = (reservation: Reservation): z.output<typeof reservationReply> => ({
  id: reservation.id,
  prefixKey: reservation.sequence.series.prefixKey,
  period: reservation.sequence.period,
  number: reservation.number,
  value: `${reservation.value}`,
  state: reservation.state,
  reservedAt: timeOf(reservation.reservedAtMs),
  expiresAt: timeOf(reservation.expiresAtMs),
  endedAt: reservation.endedAtMs === undefined ? null : timeOf(reservation.endedAtMs),
  reason: reservation.reason ?? null,
});
