/** Writes the events of the lower floors that a person may want to read: what each line says. */
import type { EventEnvelope, Listen, NumberGeneratorEvent } from '../../core/events/events.ts';
import { changeFields, configFields } from './config-fields.ts';
import { levelOf, reasonOf } from './log-reasons.ts';
import { type Logger, MASK } from './logger.ts';

const signed = ({ actor, requestId }: EventEnvelope): Record<string, unknown> => ({
  subject: actor,
  request_id: requestId,
});

type Writer<Type extends NumberGeneratorEvent['type']> = (
  event: Extract<NumberGeneratorEvent, { type: Type }>,
  logger: Logger,
  envelope: EventEnvelope,
) => void;

const LEVELS = { error: 'error', warning: 'warn', info: 'info' } as const;

const WRITERS: { readonly [Type in NumberGeneratorEvent['type']]: Writer<Type> } = {
  // By the log of the takings.
  'numbers-issued': () => undefined,
  'prefix-config-registered': ({ config, reason }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'registered', ...configFields(config), ...signed(envelope), reason },
        ...changeFields(undefined, config),
      },
      'Prefix registered',
    ),
  'prefix-config-updated': ({ config, before, reason }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'updated', ...configFields(config), ...signed(envelope), reason },
        ...changeFields(before, config),
      },
      'Prefix config changed',
    ),
  'prefix-config-removed': ({ prefixKey, before, reason }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'removed', prefix_key: prefixKey, ...signed(envelope), reason },
        ...changeFields(before, undefined),
      },
      'Prefix config removed',
    ),
  'prefix-config-corrupt': ({ prefixKey, reason }, logger) =>
    logger.error(
      { event: 'prefix-config-corrupt', prefix_key: prefixKey, reason },
      'The stored prefix config cannot be used, so this prefix is refused',
    ),
  'prefix-config-refresh-failed': ({ error }, logger) =>
    logger.warn(
      { event: 'prefix-config-refresh-failed', reason: reasonOf(error) },
      'Prefix configs could not be read again',
    ),
  'outage-began': ({ reason }, logger) =>
    logger.error(
      { event: 'outage-began', reason: reasonOf(reason) },
      'The store does not answer: numbers come from the standby segments until it does',
    ),
  'store-returned': (_event, logger) =>
    logger.info({ event: 'store-returned' }, 'The store answers again and knows what was used meanwhile'),
  'standby-not-returned': ({ sequences }, logger) =>
    logger.warn(
      { event: 'standby-not-returned', sequences },
      'Stopped while the store was away: what this node held appears in the gap record when the counter reaches it',
    ),
  'sequence-advanced': ({ prefixKey, period, from, to, reason }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'sequence-advanced', prefix_key: prefixKey, period, ...signed(envelope), reason },
        ...{ from: from === undefined ? MASK : `${from}`, to: `${to}` },
      },
      'A sequence was moved forward by hand',
    ),
  'period-closed': ({ prefixKey, period, reason, closedAtMs, first, isRepeated }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'period-closed', prefix_key: prefixKey, period, ...signed(envelope), reason },
        ...{ closed_at: new Date(closedAtMs).toISOString(), before: isRepeated ? 'closed' : 'open', after: 'closed' },
        ...(isRepeated && { closed_by: first.by, closed_in: first.requestId }),
      },
      isRepeated ? 'A period was to be closed that was closed before' : 'A period was closed',
    ),
  // Reserving and confirming are takings, which are logged as such; what happens to a number that was taken is somebody's doing.
  reservation: ({ id, prefixKey, before, outcome, reason }, logger, envelope) => {
    if (outcome !== 'void' || before === outcome) return;
    logger.info(
      {
        ...{ event: 'reservation', status: outcome, id, prefix_key: prefixKey, ...signed(envelope), reason },
        ...{ before, after: outcome },
      },
      'A reservation was voided',
    );
  },
  'key-used-twice': (_event, logger) =>
    logger.warn(
      { event: 'key-used-twice' },
      'While Redis was away an Idempotency-Key got numbers of a gapless prefix that another request had used before',
    ),
  'ledger-behind': ({ sequences, example }, logger) => {
    if (example === undefined) {
      logger.info({ event: 'ledger-behind', sequences }, 'No sequence of the ledger is behind any more');
      return;
    }
    const { sequence, value } = example;
    logger.error(
      {
        event: 'ledger-behind',
        sequences,
        prefix_key: sequence.series.prefixKey,
        period: sequence.period,
        known: `${value}`,
      },
      'The ledger in PostgreSQL went back to an earlier state: these sequences are refused until they are advanced and repaired',
    );
  },
  'gapless-guard': ({ guarded }, logger) => {
    if (guarded) logger.info({ event: 'gapless-guard', guarded }, 'Redis knows again how far the ledger has changed');
    else {
      logger.warn(
        { event: 'gapless-guard', guarded },
        'Redis is away: gapless numbers go on, but a ledger that is restored now would not be found out',
      );
    }
  },
  'ledger-calls-unsettled': ({ calls }, logger) =>
    logger.warn(
      { event: 'ledger-calls-unsettled', calls },
      'The outcome of calls on the ledger is not known: numbers may be issued there that nobody was given',
    ),
  capacity: ({ prefixKey, period, bound, share, used, value, highest, reachedAtMs }, logger) =>
    logger.warn(
      {
        event: 'capacity',
        ...{ prefix_key: prefixKey, period, bound, share, used: Number(used.toFixed(4)) },
        ...{ value: `${value}`, highest: `${highest}` },
        ...(reachedAtMs !== undefined && { reached_at: new Date(reachedAtMs).toISOString() }),
      },
      bound === 'width'
        ? 'The digits of the format are used up to this share: past them the numbers grow longer'
        : 'The values of the series are used up to this share: past the limit no numbers are given',
    ),
  'open-share': ({ prefixKey, period, share, count }, logger) =>
    logger.warn(
      { event: 'open-share', prefix_key: prefixKey, period, share, count },
      'Callers without a token or an API key took this share of a bounded series through this node: it does not come back',
    ),
  // For the metrics, every few seconds.
  'capacity-measured': () => undefined,
  'standby-measured': () => undefined,
  'gaps-measured': () => undefined,
  // The process says so itself, with the signal.
  'stop-began': () => undefined,
  'temporary-number-issued': ({ prefixKey, number }, logger) =>
    logger.warn(
      { event: 'temporary-number', status: 'issued', prefix_key: prefixKey, number },
      'Temporary number issued',
    ),
  'temporary-number-resolved': ({ prefixKey, number, resolvedNumber }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'temporary-number', status: 'resolved', prefix_key: prefixKey, number },
        ...{ resolved_number: resolvedNumber, ...signed(envelope) },
      },
      'Temporary number resolved',
    ),
  'hand-over-failed': ({ error }, logger) =>
    logger.error(
      { event: 'hand-over-failed', reason: reasonOf(error) },
      'The temporary numbers of this node could not be handed over; they stand in the log',
    ),
  'store-connected': (_event, logger) => logger.info({ event: 'store-connected' }, 'The store is reachable'),
  'store-disconnected': ({ reason, remedy }, logger) =>
    logger.error(
      { event: 'store-disconnected', reason, remedy },
      'The store is not reachable; trying again in the background',
    ),
  'ceiling-store-connected': (_event, logger) =>
    logger.info({ event: 'ceiling-store-connected' }, 'PostgreSQL is reachable'),
  'ceiling-store-disconnected': ({ reason, remedy }, logger) =>
    logger.error(
      { event: 'ceiling-store-disconnected', reason, remedy },
      'PostgreSQL is not reachable: numbers go on up to the ceilings it confirmed, prefix configs cannot be changed',
    ),
  'api-key-created': ({ id, name, scopes, expiresAtMs }, logger, envelope) =>
    logger.info(
      {
        ...{ event: 'api-key', status: 'created', id, name, scopes, ...signed(envelope) },
        ...(expiresAtMs !== undefined && { expires_at: new Date(expiresAtMs).toISOString() }),
      },
      'API key created',
    ),
  'api-key-revoked': ({ id, name, scopes }, logger, envelope) =>
    logger.info({ event: 'api-key', status: 'revoked', id, name, scopes, ...signed(envelope) }, 'API key revoked'),
  'request-counts-not-shared': ({ error }, logger) =>
    logger.warn(
      { event: 'request-counts-not-shared', reason: reasonOf(error) },
      'The rate limits of the nodes cannot be added up: each counts alone until they can',
    ),
  'prefix-collisions-found': ({ detail }, logger) =>
    logger.warn({ event: 'prefix-collisions-found', detail }, 'Some prefixes could print the same numbers'),
  'prefix-configs-healed': ({ healed, copied }, logger) =>
    logger.warn(
      { event: 'prefix-configs-healed', healed, copied },
      'Prefix configs put back into Redis (healed), or found there and copied to PostgreSQL (copied)',
    ),
  'prefix-configs-healing-failed': ({ error }, logger) =>
    logger[levelOf(error, 'warn')](
      { event: 'prefix-configs-healing-failed', reason: reasonOf(error) },
      'The prefix configs of Redis and PostgreSQL could not be compared; trying again',
    ),
  'worker-lease-taken': ({ dataCentre, worker }, logger) =>
    logger.info({ event: 'worker-lease-taken', data_centre: dataCentre, worker }, 'Snowflake worker id leased'),
  'worker-lease-lost': ({ dataCentre, worker }, logger) =>
    logger.warn(
      { event: 'worker-lease-lost', data_centre: dataCentre, worker },
      'The snowflake worker id is no longer leased to this node: another one is taken',
    ),
  'worker-lease-not-renewed': ({ worker, error }, logger) =>
    logger.error(
      { event: 'worker-lease-not-renewed', worker, reason: reasonOf(error) },
      'The snowflake worker id could not be renewed: ids are made until two thirds of the lease are over',
    ),
  'clock-stepped-back': ({ byMs, handling }, logger) =>
    logger.warn(
      { event: 'clock-stepped-back', by_ms: byMs, handling },
      'The clock of this node was set back: waited for, its last millisecond kept, or a fresh worker id taken',
    ),
  'sequence-recovering': ({ prefixKey, period }, logger) =>
    logger.warn(
      { event: 'sequence-recovering', prefix_key: prefixKey, period },
      'The store may have lost its latest state: the nodes report what they know; the standby serves meanwhile',
    ),
  // Also at the first use of a sequence: a line that nobody has to act upon.
  'sequence-recovered': ({ prefixKey, period, jumpedTo, afterMs, nodes }, logger) =>
    logger[jumpedTo === undefined ? 'info' : 'warn'](
      {
        event: 'sequence-recovered',
        prefix_key: prefixKey,
        period,
        exact: jumpedTo === undefined,
        ...(jumpedTo !== undefined && { jumped_to: String(jumpedTo) }),
        after_ms: afterMs,
        nodes,
      },
      jumpedTo === undefined
        ? 'Recovered exactly: counting goes on where it stopped'
        : 'Recovered by a jump above the ceiling, for a node was silent or Redis had lost its state: see the gap record',
    ),
  'ceiling-not-raised': ({ prefixKey, error }, logger) =>
    logger.error(
      { event: 'ceiling-not-raised', prefix_key: prefixKey, reason: reasonOf(error) },
      'The ceiling could not be raised: numbers go on until it is reached',
    ),
  'node-not-registered': ({ error }, logger) =>
    logger[levelOf(error, 'error')](
      { event: 'node-not-registered', reason: reasonOf(error) },
      'This node could not be registered in PostgreSQL: it opens no sequences until it is',
    ),
  'node-not-struck-out': (_event, logger) =>
    logger.warn(
      { event: 'node-not-struck-out' },
      'This node could not sign off in PostgreSQL: a recovery within the next hour will jump above the ceiling',
    ),
  'nodes-buried': ({ nodes }, logger) =>
    logger.warn({ event: 'nodes-buried', nodes }, 'Nodes that were silent for an hour were removed from the list'),
  'traces-not-exported': ({ error }, logger) =>
    logger.warn(
      { event: 'traces-not-exported', reason: reasonOf(error) },
      'The traces are not taken where OTEL_EXPORTER_OTLP_ENDPOINT says: they are dropped until they are',
    ),
  'traces-exported-again': (_event, logger) =>
    logger.info({ event: 'traces-exported-again' }, 'The traces are taken again'),
  'store-finding': ({ finding }, logger) => {
    const { severity, subject, detail, remedy, servers } = finding;
    const where = servers.length === 0 ? {} : { servers };
    logger[LEVELS[severity]]({ event: 'store-finding', subject, detail, remedy, ...where }, `${subject}: ${detail}`);
  },
  'store-finding-cleared': ({ subject }, logger) =>
    logger.info({ event: 'store-finding-cleared', subject }, `${subject}: what was found is no longer so`),
  'guarantee-changed': ({ guarantee }, logger) => {
    const { kind, detail, remedy } = guarantee;
    const level = kind === 'redis' ? 'warn' : 'info';
    logger[level]({ event: 'guarantee', guarantee: kind, remedy }, `Guarantee in force: ${detail}`);
  },
};

/** Listens to the facts of the lower floors and writes those that a person may want to read. */
export const createEventLog =
  (logger: Logger): Listen =>
  (envelope) => {
    const { event } = envelope;
    (WRITERS[event.type] as Writer<typeof event.type>)(event, logger, envelope);
  };
