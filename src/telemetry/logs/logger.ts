/** The log: JSON lines by pino, with the values that nobody may read masked. */
import { type DestinationStream, type Logger, type LoggerOptions as PinoOptions, pino } from 'pino';
import type { Signature } from '../../core/caller.ts';
import { NumberGeneratorError, StorePreparingError } from '../../core/errors.ts';
import type { Emit, NumberGeneratorEvent } from '../../core/events/events.ts';
import { plainJson, plainTexts } from '../../core/plain-text.ts';
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';
import { REMEDIES } from './log-remedies.ts';
import { createLogSampling, type Sample } from './log-sampling.ts';

export type { Logger } from 'pino';

const MASK = '****';
const MASKED = ['initial_seq', 'initialSeq', 'authorization', 'token', 'secret', 'password'];

/** A masked name may stand this deep in what is logged: `name`, `*.name`, `*.*.name` … */
const DEPTHS = Array.from({ length: 6 }, (_, depth) => '*.'.repeat(depth));

const WARN = 40;

/**
 * Runs before each line: leaves out what was just said, and adds to what is above `info` what to do about it.
 * @returns the fields to write; undefined: write nothing.
 */
const createEditor = (monotonic: () => number, writesAll: boolean) => {
  const sample: Sample = writesAll ? () => 0 : createLogSampling(monotonic);
  return (fields: Readonly<Record<string, unknown>>, level: number): Record<string, unknown> | undefined => {
    const leftOut = sample(fields);
    if (leftOut === undefined) return undefined;
    const remedy = level < WARN ? undefined : (fields['remedy'] ?? REMEDIES[String(fields['event'])]);
    return { ...fields, ...(remedy !== undefined && { remedy }), ...(leftOut > 0 && { left_out: leftOut }) };
  };
};

interface LoggerOptions {
  /** The name of this process, as the stores, the metrics and the replies say it: it stands in every line. */
  readonly node: string;
  /** Undefined: standard output. */
  readonly destination?: DestinationStream | undefined;
  /** Milliseconds of a clock that is never set back. */
  readonly monotonic?: () => number;
}

/** Lines for a person who looks at a terminal. Loaded only there. */
export const openPrettyLog = async (): Promise<DestinationStream> => {
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({ translateTime: 'HH:MM:ss', ignore: 'node,event,pid', singleLine: true, sync: true });
  return { write: (line) => stream.write(plainTexts(line)) };
};

export const createLogger = (level: string, options: LoggerOptions): Logger => {
  const { node, destination, monotonic = () => performance.now() } = options;
  // Whoever asks for that much looks for one line among all of them.
  const edit = createEditor(monotonic, level === 'debug' || level === 'trace');
  const settings: PinoOptions = {
    level,
    base: { node },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: {
      streamWrite: plainJson,
      logMethod(line, write, level) {
        const [fields, ...rest] = line as [unknown, ...string[]];
        if (typeof fields !== 'object' || fields === null) return write.apply(this, line);
        const edited = edit(fields as Record<string, unknown>, level);
        if (edited !== undefined) write.apply(this, [edited, ...rest] as unknown as typeof line);
      },
    },
    redact: { paths: MASKED.flatMap((name) => DEPTHS.map((above) => above + name)), censor: MASK },
  };
  return destination === undefined ? pino(settings) : pino(settings, destination);
};

const configFields = (config: PrefixConfig): Record<string, unknown> => ({
  prefix_key: config.prefixKey,
  format: config.format,
  seq_length: config.seqLength,
  initial_seq: config.initialSeq,
  version: config.version,
});

const signed = ({ by, requestId }: Signature): Record<string, unknown> => ({ subject: by, request_id: requestId });

/** `timeZone` → `time_zone` */
const spell = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** All that was chosen of a config; the masks of the log hide its initial value. */
const chosenFields = ({ prefixKey: _key, former: _former, unknown: _unknown, ...chosen }: PrefixConfig) =>
  Object.fromEntries(Object.entries(chosen).map(([name, value]) => [spell(name), value]));

/** The fields that are no longer the same, named: of a masked one nothing else is seen. */
const changedFields = (before: PrefixConfig, after: PrefixConfig): string[] => {
  const former = chosenFields(before);
  return Object.entries(chosenFields(after))
    .filter(([name, value]) => name !== 'version' && former[name] !== value)
    .map(([name]) => name);
};

/** What a change of a config made of what; undefined: there was, or is, none, or it could not be read. */
const changeFields = (before: PrefixConfig | undefined, after: PrefixConfig | undefined): Record<string, unknown> => ({
  ...(before !== undefined && { before: chosenFields(before) }),
  ...(after !== undefined && { after: chosenFields(after) }),
  ...(before !== undefined && after !== undefined && { changed: changedFields(before, after) }),
});

/** The reason as a person wrote it; an error of ours hides it in its cause. */
const reasonOf = (error: unknown): string => {
  const reason = error instanceof NumberGeneratorError && error.cause !== undefined ? error.cause : error;
  return reason instanceof Error ? reason.message : String(reason);
};

/** That PostgreSQL is being prepared, as at the first start of a version, is no fault. */
const levelOf = (error: unknown, level: 'warn' | 'error') => (error instanceof StorePreparingError ? 'info' : level);

type Writer<Type extends NumberGeneratorEvent['type']> = (
  event: Extract<NumberGeneratorEvent, { type: Type }>,
  logger: Logger,
) => void;

const LEVELS = { error: 'error', warning: 'warn', info: 'info' } as const;

const WRITERS: { readonly [Type in NumberGeneratorEvent['type']]: Writer<Type> } = {
  // By the log of the takings.
  'numbers-issued': () => undefined,
  'prefix-config-registered': ({ config, reason, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'registered', ...configFields(config), ...signed(signature), reason },
        ...changeFields(undefined, config),
      },
      'Prefix registered',
    ),
  'prefix-config-updated': ({ config, before, reason, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'updated', ...configFields(config), ...signed(signature), reason },
        ...changeFields(before, config),
      },
      'Prefix config changed',
    ),
  'prefix-config-removed': ({ prefixKey, before, reason, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'prefix-config', status: 'removed', prefix_key: prefixKey, ...signed(signature), reason },
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
  'sequence-advanced': ({ prefixKey, period, from, to, reason, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'sequence-advanced', prefix_key: prefixKey, period, ...signed(signature), reason },
        ...{ from: from === undefined ? MASK : `${from}`, to: `${to}` },
      },
      'A sequence was moved forward by hand',
    ),
  'period-closed': ({ prefixKey, period, reason, closedAtMs, first, isRepeated, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'period-closed', prefix_key: prefixKey, period, ...signed(signature), reason },
        ...{ closed_at: new Date(closedAtMs).toISOString(), before: isRepeated ? 'closed' : 'open', after: 'closed' },
        ...(isRepeated && { closed_by: first.by, closed_in: first.requestId }),
      },
      isRepeated ? 'A period was to be closed that was closed before' : 'A period was closed',
    ),
  // Reserving and confirming are takings, which are logged as such; what happens to a number that was taken is somebody's doing.
  reservation: ({ id, prefixKey, before, outcome, reason, ...signature }, logger) => {
    if (outcome !== 'void' || before === outcome) return;
    logger.info(
      {
        ...{ event: 'reservation', status: outcome, id, prefix_key: prefixKey, ...signed(signature), reason },
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
  'temporary-number-resolved': ({ prefixKey, number, resolvedNumber, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'temporary-number', status: 'resolved', prefix_key: prefixKey, number },
        ...{ resolved_number: resolvedNumber, ...signed(signature) },
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
  'api-key-created': ({ id, name, scopes, expiresAtMs, ...signature }, logger) =>
    logger.info(
      {
        ...{ event: 'api-key', status: 'created', id, name, scopes, ...signed(signature) },
        ...(expiresAtMs !== undefined && { expires_at: new Date(expiresAtMs).toISOString() }),
      },
      'API key created',
    ),
  'api-key-revoked': ({ id, name, scopes, ...signature }, logger) =>
    logger.info({ event: 'api-key', status: 'revoked', id, name, scopes, ...signed(signature) }, 'API key revoked'),
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
    logger.warn({ event: 'nodes-buried', nodes }, 'Nodes that were silent for an hour were struck out'),
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
  (logger: Logger): Emit =>
  (event) => {
    (WRITERS[event.type] as Writer<typeof event.type>)(event, logger);
  };
