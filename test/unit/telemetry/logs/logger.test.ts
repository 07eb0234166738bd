/** The log: one JSON line per fact worth reading, and nothing in it that nobody may read. */
import { describe, expect, test } from 'vitest';
import type { Caller } from '../../../../src/core/caller.ts';
import { CorruptEntryError, StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import { createEventLog } from '../../../../src/telemetry/logs/event-log.ts';
import { createLogger } from '../../../../src/telemetry/logs/logger.ts';
import { createTakingLog } from '../../../../src/telemetry/logs/taking-log.ts';
import { CALLER } from '../../fakes/caller.ts';
import { configOf } from '../../fakes/config-of.ts';
import { emittingTo } from '../../fakes/emitting.ts';

const openLog = (level = 'info') => {
  const lines: string[] = [];
  const destination = {
    write: (line: string): void => {
      lines.push(line);
    },
  };
  const logger = createLogger(level, { node: 'n1', destination });
  const entries = (): Record<string, unknown>[] => lines.map((line) => JSON.parse(line));
  return { logger, lines, entries };
};

/** The entry that an event leaves, without its time. */
const written = (event: NumberGeneratorEvent, caller?: Caller): unknown[] => {
  const { logger, entries } = openLog('trace');
  emittingTo(createEventLog(logger))(event, caller);
  return entries().map(({ time: _time, node: _node, ...entry }) => entry);
};

const config = configOf('INV', { format: 'INV-{SEQ:6}', initialSeq: 9999 }, 4);
const CONFIG_FIELDS = {
  prefix_key: 'INV',
  format: 'INV-{SEQ:6}',
  seq_length: 6,
  initial_seq: '****',
  version: 4,
};

const SIGNED = { subject: 'alice', request_id: 'r-1' };
/** Of the config, as `before` and `after` have it. */
const CHOSEN = {
  ...{ format: 'INV-{SEQ:6}', seq_length: 6, initial_seq: '****', version: 4, strategy: 'counter', reset: 'never' },
  ...{ time_zone: 'UTC', fiscal_year_start: '01-01', overflow: 'extend', outage: 'standby', allow_past: false },
};

describe('a line', () => {
  test('holds no character that a terminal would obey: neither C1 nor marks of direction', () => {
    const { logger, lines, entries } = openLog();
    logger.warn({ event: 'test', path: '/a\u009b31m\u202eb' }, 'a\u0085\u2028b');
    expect(lines[0]).not.toMatch(/[\u007f-\u009f\u2028-\u202e]/);
    expect(entries()[0]).toMatchObject({ path: '/a\u009b31m\u202eb', msg: 'a\u0085\u2028b' });
  });

  test('is one JSON object with a level in words and an ISO time', () => {
    const { logger, lines, entries } = openLog();
    logger.warn({ event: 'test' }, 'Some\ntext');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    const [entry] = entries();
    expect(entry).toEqual({ level: 'warn', time: expect.any(String), node: 'n1', event: 'test', msg: 'Some\ntext' });
    expect(new Date(String(entry?.['time'])).toISOString()).toBe(entry?.['time']);
  });

  test('below the level is not written', () => {
    const { logger, entries } = openLog('warn');
    logger.info('quiet');
    logger.error('loud');
    expect(entries().map(({ msg }) => msg)).toEqual(['loud']);
  });

  test('is never written at the level silent', () => {
    const { logger, lines } = openLog('silent');
    logger.fatal('quiet');
    expect(lines).toEqual([]);
  });

  test('goes to standard output when no destination is given', () => {
    expect(createLogger('warn', { node: 'n1' }).level).toBe('warn');
  });
});

describe('masking', () => {
  const SENSITIVE = ['initial_seq', 'initialSeq', 'authorization', 'token', 'secret', 'password'];

  test.each(SENSITIVE)('%s shows as ****, at the top and inside of objects and lists', (name) => {
    const { logger, lines, entries } = openLog();
    logger.info({ [name]: 'hunter2' }, 'top');
    logger.info({ config: { [name]: 'hunter2', format: 'kept' } }, 'inside');
    logger.info({ request: { headers: { [name]: 'hunter2' } } }, 'deeper');
    logger.info({ list: [{ [name]: 'hunter2' }] }, 'in a list');
    expect(lines.join('')).not.toContain('hunter2');
    expect(entries()[0]).toMatchObject({ [name]: '****' });
    expect(entries()[1]).toMatchObject({ config: { [name]: '****', format: 'kept' } });
  });

  test('holds wherever a value stands, however deep', () => {
    const { logger, lines } = openLog();
    for (const name of SENSITIVE) logger.info({ a: { b: { c: { [name]: 'hunter2' } } } }, 'four levels');
    expect(lines.join('')).not.toContain('hunter2');
  });

  test('holds for what a child logger carries along', () => {
    const { logger, lines } = openLog();
    logger.child({ token: 'hunter2', requestId: 'r1' }).info('child');
    logger.child({ requestId: 'r1' }).info({ password: 'hunter2' }, 'child');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('"requestId":"r1"');
  });

  test('holds for the fields of an error', () => {
    const { logger, lines } = openLog();
    logger.error({ err: Object.assign(new Error('Refused'), { token: 'hunter2' }) }, 'failed');
    expect(lines.join('')).toContain('Refused');
    expect(lines.join('')).not.toContain('hunter2');
  });

  test('does not change the object that was logged', () => {
    const { logger } = openLog();
    const fields = { token: 'hunter2', config: { initialSeq: 9999n } };
    logger.info(fields, 'masked');
    expect(fields).toEqual({ token: 'hunter2', config: { initialSeq: 9999n } });
  });
});

describe('a bigint', () => {
  test.each([
    ['masked', { initial_seq: 9999n }],
    ['in the open', { valuesLeft: 18_446_744_073_709_551_615n }],
    ['beside a masked field', { config: { initialSeq: 1n, limit: 2n ** 64n - 1n } }],
    ['in a list', { values: [1n, 2n] }],
  ])('%s does not break the log', (_where, fields) => {
    const { logger, entries } = openLog();
    logger.info(fields, 'counted');
    expect(entries()).toEqual([expect.objectContaining({ msg: 'counted' })]);
  });
});

describe('a fact', () => {
  test('registered: the line says so, and hides the initial value', () => {
    expect(written({ type: 'prefix-config-registered', config, reason: 'New shop' }, CALLER)).toEqual([
      {
        ...{ level: 'info', event: 'prefix-config', status: 'registered', ...CONFIG_FIELDS, ...SIGNED },
        ...{ reason: 'New shop', after: CHOSEN, msg: 'Prefix registered' },
      },
    ]);
  });

  test('registered: the line has the very texts that the brief looks for', () => {
    const { logger, lines } = openLog();
    emittingTo(createEventLog(logger))({ type: 'prefix-config-registered', config, reason: undefined });
    expect(lines[0]).toContain('"status":"registered"');
    expect(lines[0]).toContain('"initial_seq":"****"');
    expect(lines[0]).not.toContain('9999');
  });

  test('updated', () => {
    const before = { ...config, initialSeq: 7777n, timeZone: 'Asia/Tokyo', version: config.version - 1 };
    const lines = written({ type: 'prefix-config-updated', config, before, reason: undefined }, CALLER);
    expect(lines).toEqual([
      {
        ...{ level: 'info', event: 'prefix-config', status: 'updated', ...CONFIG_FIELDS, ...SIGNED },
        ...{ before: { ...CHOSEN, time_zone: 'Asia/Tokyo', version: before.version }, after: CHOSEN },
        ...{ changed: ['initial_seq', 'time_zone'], msg: 'Prefix config changed' },
      },
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/7777|9999/);
  });

  test('removed', () => {
    const removed = { type: 'prefix-config-removed', prefixKey: 'INV', reason: 'Shop closed' } as const;
    const line = { level: 'info', event: 'prefix-config', status: 'removed', prefix_key: 'INV', ...SIGNED };
    const said = { reason: 'Shop closed', msg: 'Prefix config removed' };
    expect(written({ ...removed, before: config }, CALLER)).toEqual([{ ...line, ...said, before: CHOSEN }]);
    expect(written({ ...removed, before: undefined }, CALLER)).toEqual([{ ...line, ...said }]);
  });

  test('a corrupt entry is an error with its reason', () => {
    expect(written({ type: 'prefix-config-corrupt', prefixKey: 'INV', reason: 'Not valid JSON' })).toEqual([
      {
        level: 'error',
        event: 'prefix-config-corrupt',
        prefix_key: 'INV',
        reason: 'Not valid JSON',
        msg: expect.stringContaining('cannot be used'),
        remedy: 'Correct the stored entry, or update this node if a later version wrote it.',
      },
    ]);
  });

  test('the store comes and goes', () => {
    expect(written({ type: 'store-connected' })).toMatchObject([{ level: 'info', event: 'store-connected' }]);
    expect(written({ type: 'store-disconnected', reason: 'ECONNREFUSED' })).toMatchObject([
      { level: 'error', event: 'store-disconnected', reason: 'ECONNREFUSED' },
    ]);
  });

  test.each([
    [new StorageUnavailableError('Away', new Error('connect ECONNREFUSED')), 'connect ECONNREFUSED'],
    [new StorageUnavailableError('Away'), 'Away'],
    [new CorruptEntryError('INV', 'Not valid JSON'), 'Not valid JSON'],
    [new Error('boom', { cause: 'deeper' }), 'boom'],
    ['only words', 'only words'],
    [undefined, 'undefined'],
  ])('a check that failed is a warning with the inner reason: %s', (error, reason) => {
    expect(written({ type: 'prefix-config-refresh-failed', error })).toMatchObject([
      { level: 'warn', event: 'prefix-config-refresh-failed', reason },
    ]);
  });

  test('an outage begins as an error with the inner reason, and ends as good news', () => {
    const reason = new StorageUnavailableError('Away', new Error('connect ECONNREFUSED'));
    expect(written({ type: 'outage-began', reason })).toMatchObject([
      { level: 'error', event: 'outage-began', reason: 'connect ECONNREFUSED' },
    ]);
    expect(written({ type: 'store-returned' })).toMatchObject([{ level: 'info', event: 'store-returned' }]);
  });

  test('a standby that could not be given back is a warning with the number of sequences', () => {
    expect(written({ type: 'standby-not-returned', sequences: 3 })).toMatchObject([
      { level: 'warn', event: 'standby-not-returned', sequences: 3, msg: expect.stringContaining('gap record') },
    ]);
  });

  test('a sequence moved by hand is told with exact values and the reason', () => {
    const to = 2n ** 64n - 1n;
    const advanced = { type: 'sequence-advanced', prefixKey: 'INV', period: '2026', reason: 'paper', to } as const;
    const line = { level: 'info', event: 'sequence-advanced', prefix_key: 'INV', to: `${to}`, reason: 'paper' };
    expect(written({ ...advanced, from: 7n }, CALLER)).toMatchObject([
      { ...line, period: '2026', from: '7', ...SIGNED },
    ]);
    expect(written({ ...advanced, from: undefined }, CALLER)).toMatchObject([{ ...line, from: '****' }]);
  });

  test('a temporary number is a warning when it is issued, and news when it is resolved', () => {
    const number = 'TMP-INV-node-1-1';
    const fields = { event: 'temporary-number', prefix_key: 'INV', number };
    expect(written({ type: 'temporary-number-issued', prefixKey: 'INV', number })).toMatchObject([
      { level: 'warn', status: 'issued', ...fields },
    ]);
    const resolvedNumber = 'INV-0007';
    const resolved = { type: 'temporary-number-resolved', prefixKey: 'INV', number, resolvedNumber } as const;
    expect(written(resolved, CALLER)).toMatchObject([
      { level: 'info', status: 'resolved', resolved_number: resolvedNumber, ...fields, ...SIGNED },
    ]);
  });

  test('temporary numbers that could not be handed over are an error with the inner reason', () => {
    const error = new StorageUnavailableError('Away', new Error('READONLY'));
    expect(written({ type: 'hand-over-failed', error })).toMatchObject([
      { level: 'error', event: 'hand-over-failed', reason: 'READONLY' },
    ]);
  });

  test('a worker id is news when leased, a warning when lost, an error when it cannot be renewed', () => {
    const worker = { dataCentre: 1, worker: 7 };
    expect(written({ type: 'worker-lease-taken', ...worker })).toMatchObject([
      { level: 'info', event: 'worker-lease-taken', data_centre: 1, worker: 7 },
    ]);
    expect(written({ type: 'worker-lease-lost', ...worker })).toMatchObject([
      { level: 'warn', event: 'worker-lease-lost', data_centre: 1, worker: 7 },
    ]);
    const error = new StorageUnavailableError('Away', new Error('ECONNREFUSED'));
    expect(written({ type: 'worker-lease-not-renewed', worker: 7, error })).toMatchObject([
      { level: 'error', event: 'worker-lease-not-renewed', worker: 7, reason: 'ECONNREFUSED' },
    ]);
  });

  test('a clock set back is a warning with what was done about it', () => {
    expect(written({ type: 'clock-stepped-back', byMs: 200, handling: 'kept' })).toMatchObject([
      { level: 'warn', event: 'clock-stepped-back', by_ms: 200, handling: 'kept' },
    ]);
  });

  test('takings are told by who took, and those of anonymous callers are left to the metrics', () => {
    const { logger, entries } = openLog();
    const emit = emittingTo(createTakingLog(logger));
    const stranger = { ...CALLER, subject: undefined };
    const issued = {
      type: 'numbers-issued',
      prefixKey: 'INV',
      strategy: 'counter',
      count: 3,
      source: 'redis',
    } as const;
    const ended = { type: 'reservation', id: 'x', prefixKey: 'INV', reason: undefined } as const;
    emit(issued, stranger);
    emit(issued, CALLER);
    emit({ ...ended, before: 'reserved', outcome: 'confirmed' }, stranger);
    emit({ ...ended, before: 'confirmed', outcome: 'confirmed' }, CALLER);
    emit({ ...ended, before: 'reserved', outcome: 'confirmed' }, CALLER);
    expect(entries()).toMatchObject([
      { level: 'info', event: 'numbers-issued', prefix_key: 'INV', count: 3, source: 'redis', ...SIGNED },
      { level: 'info', event: 'reservation', status: 'confirmed', before: 'reserved', after: 'confirmed', ...SIGNED },
    ]);
  });

  test('numbers issued are left to the metrics, and to the log of the takings', () => {
    expect(
      written({ type: 'numbers-issued', prefixKey: 'INV', strategy: 'counter', count: 3, source: 'redis' }, CALLER),
    ).toEqual([]);
  });
});
