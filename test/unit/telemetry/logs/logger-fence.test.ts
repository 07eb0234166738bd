/** The log of recoveries, ceilings and PostgreSQL: what an operator must be able to read there. */
import { describe, expect, test } from 'vitest';
import { StorageUnavailableError } from '../../../../src/core/errors.ts';
import type { NumberGeneratorEvent } from '../../../../src/core/events/events.ts';
import type { Finding, GuaranteeKind } from '../../../../src/core/events/finding.ts';
import { createEventLog } from '../../../../src/telemetry/logs/event-log.ts';
import { createLogger } from '../../../../src/telemetry/logs/logger.ts';
import { emittingTo } from '../../fakes/emitting.ts';

/** The entry that an event leaves, without its time. */
const written = (event: NumberGeneratorEvent): unknown[] => {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  emittingTo(createEventLog(createLogger('trace', { node: 'n1', destination: { write } })))(event);
  return lines.map((line) => {
    const { time: _time, node: _node, ...entry } = JSON.parse(line);
    return entry;
  });
};

const AWAY = new StorageUnavailableError('Away', new Error('connect ECONNREFUSED'));
const VALUE_MAX = 2n ** 64n - 1n;

describe('a recovery', () => {
  test('begins as a warning that names the sequence', () => {
    expect(written({ type: 'sequence-recovering', prefixKey: 'INV', period: '2026' })).toMatchObject([
      {
        level: 'warn',
        event: 'sequence-recovering',
        prefix_key: 'INV',
        period: '2026',
        msg: expect.stringContaining('standby serves meanwhile'),
      },
    ]);
  });

  test('that was exact says so, without a value it jumped to', () => {
    const event = { prefixKey: 'INV', period: '2026', jumpedTo: undefined, afterMs: 70, nodes: 3 };
    expect(written({ type: 'sequence-recovered', ...event })).toEqual([
      {
        level: 'info',
        event: 'sequence-recovered',
        prefix_key: 'INV',
        period: '2026',
        exact: true,
        after_ms: 70,
        nodes: 3,
        msg: 'Recovered exactly: counting goes on where it stopped',
      },
    ]);
  });

  test('that jumped says above which value, to the last digit, and where to look', () => {
    const event = { prefixKey: 'INV', period: '', jumpedTo: VALUE_MAX, afterMs: 3_010, nodes: 2 };
    expect(written({ type: 'sequence-recovered', ...event })).toMatchObject([
      { level: 'warn', exact: false, jumped_to: '18446744073709551615', msg: expect.stringContaining('gap record') },
    ]);
  });
});

describe('PostgreSQL', () => {
  test('comes as good news and goes as an error', () => {
    expect(written({ type: 'ceiling-store-connected' })).toMatchObject([
      { level: 'info', event: 'ceiling-store-connected', msg: 'PostgreSQL is reachable' },
    ]);
    expect(written({ type: 'ceiling-store-disconnected', reason: 'ECONNREFUSED' })).toMatchObject([
      { level: 'error', event: 'ceiling-store-disconnected', reason: 'ECONNREFUSED' },
    ]);
  });

  test('a ceiling that could not be raised is an error with the sequence and the inner reason', () => {
    expect(written({ type: 'ceiling-not-raised', prefixKey: 'INV', error: AWAY })).toMatchObject([
      { level: 'error', event: 'ceiling-not-raised', prefix_key: 'INV', reason: 'connect ECONNREFUSED' },
    ]);
  });

  test('a ceiling that could not be raised because PostgreSQL is older says how to repair it', () => {
    const error = new StorageUnavailableError('PostgreSQL is older than Redis.', new Error('INV: npm run repair'));
    expect(written({ type: 'ceiling-not-raised', prefixKey: 'INV', error })).toMatchObject([
      { reason: 'INV: npm run repair' },
    ]);
  });

  test('a node that it does not know is an error with the inner reason', () => {
    expect(written({ type: 'node-not-registered', error: AWAY })).toMatchObject([
      { level: 'error', event: 'node-not-registered', reason: 'connect ECONNREFUSED' },
    ]);
  });

  test('a node that could not sign off is a warning of what follows', () => {
    expect(written({ type: 'node-not-struck-out' })).toMatchObject([
      { level: 'warn', event: 'node-not-struck-out', msg: expect.stringContaining('will jump') },
    ]);
  });

  test('nodes that were struck out are named', () => {
    expect(written({ type: 'nodes-buried', nodes: ['a1', 'b2'] })).toMatchObject([
      { level: 'warn', event: 'nodes-buried', nodes: ['a1', 'b2'] },
    ]);
  });

  test('prefix configs that were put back are counted', () => {
    expect(written({ type: 'prefix-configs-healed', healed: 2, copied: 1 })).toMatchObject([
      { level: 'warn', event: 'prefix-configs-healed', healed: 2, copied: 1 },
    ]);
  });

  test('prefix configs that could not be compared are a warning with the inner reason', () => {
    expect(written({ type: 'prefix-configs-healing-failed', error: AWAY })).toMatchObject([
      { level: 'warn', event: 'prefix-configs-healing-failed', reason: 'connect ECONNREFUSED' },
    ]);
  });
});

describe('a finding', () => {
  const finding: Finding = {
    severity: 'error',
    subject: 'maxmemory-policy',
    detail: 'allkeys-lru deletes counters.',
    remedy: 'Set noeviction.',
    servers: ['10.0.0.1:6379'],
  };

  test.each([
    ['error', 'error'],
    ['warning', 'warn'],
    ['info', 'info'],
  ] as const)('of severity %s is written at level %s, with its remedy and servers', (severity, level) => {
    expect(written({ type: 'store-finding', finding: { ...finding, severity } })).toEqual([
      {
        level,
        event: 'store-finding',
        subject: 'maxmemory-policy',
        detail: 'allkeys-lru deletes counters.',
        remedy: 'Set noeviction.',
        servers: ['10.0.0.1:6379'],
        msg: 'maxmemory-policy: allkeys-lru deletes counters.',
      },
    ]);
  });

  test('of the only server names none', () => {
    const [entry] = written({ type: 'store-finding', finding: { ...finding, servers: [] } });
    expect(entry).not.toHaveProperty('servers');
  });

  test('that is cleared is good news', () => {
    expect(written({ type: 'store-finding-cleared', subject: 'maxmemory-policy' })).toMatchObject([
      { level: 'info', event: 'store-finding-cleared', subject: 'maxmemory-policy' },
    ]);
  });

  test.each<[GuaranteeKind, string]>([
    ['redis', 'warn'],
    ['replicas', 'info'],
    ['postgres', 'info'],
  ])('the guarantee %s is written at level %s', (kind, level) => {
    const guarantee = { kind, detail: 'as it is', remedy: 'more' };
    expect(written({ type: 'guarantee-changed', guarantee })).toMatchObject([
      { level, event: 'guarantee', guarantee: kind, remedy: 'more', msg: 'Guarantee in force: as it is' },
    ]);
  });
});
