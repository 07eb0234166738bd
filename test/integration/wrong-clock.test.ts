/** A clock that says a time before this version was made: nothing is dated by it, and the node says so. */
import { afterEach, describe, expect, test } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';

const FORMATS: Readonly<Record<string, object>> = {
  PLAIN: { format: 'P-{prefix}-{SEQ:4}' },
  DATED: { format: 'D-{year}-{SEQ:4}' },
  PERIODIC: { format: 'R{yy}{month}-{SEQ:4}', reset: 'monthly', allowPast: true },
  SNOW: { format: 'S{SEQ:19}', strategy: 'snowflake' },
  UUID: { format: 'U{SEQ:20}', strategy: 'uuidv7' },
  GAPLESS: { format: 'G{year}-{SEQ:4}', strategy: 'gapless' },
};

let app: TestApp;
let nowMs = 0;

afterEach(() => app.close());

const start = async (text: string): Promise<void> => {
  nowMs = Date.parse(text);
  app = await startApp({}, { now: () => nowMs });
  for (const [key, body] of Object.entries(FORMATS)) {
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, body)).status).toBe(200);
  }
};
const take = async (prefixKey: string, headers?: Record<string, string>): Promise<string> => {
  const { status, json } = await app.call('POST', '/api/numbers', { prefixKey }, headers ?? {});
  return status === 200 ? `200 ${json.number}` : `${status} ${json.code}`;
};
const findings = (): unknown[] =>
  app.log.filter(({ subject }) => subject === 'clock').map(({ event, level }) => `${level} ${event}`);

describe.each(['1970-01-01T00:00:05Z', '2025-12-31T23:59:59Z'])('at %s', (text) => {
  test('503: numbers that depend on the date are refused, also under a key; others are given', async () => {
    await start(text);
    expect(await take('PLAIN')).toBe('200 P-PLAIN-0001');
    for (const key of ['DATED', 'PERIODIC', 'SNOW', 'UUID', 'GAPLESS']) {
      expect(`${key} ${await take(key)}`).toBe(`${key} 503 CLOCK_BEHIND`);
    }
    expect(await take('PLAIN', { 'idempotency-key': 'k' })).toBe('503 CLOCK_BEHIND');
    const reserved = await app.call('POST', '/api/reservations', { prefixKey: 'GAPLESS' });
    expect([reserved.status, reserved.json.code]).toEqual([503, 'CLOCK_BEHIND']);
    nowMs = Date.parse('2026-11-25T12:00:00Z');
    expect(await take('DATED')).toBe('200 D-2026-0001');
    expect(await take('PERIODIC')).toBe('200 R2611-0001');
    expect(await take('PLAIN', { 'idempotency-key': 'k' })).toBe('200 P-PLAIN-0002');
  });

  test('503: the node is not ready, and /health, the log and the metrics name the clock', async () => {
    await start(text);
    const ready = await app.call('GET', '/readyz');
    expect([ready.status, ready.json.code]).toEqual([503, 'CLOCK_BEHIND']);
    const health = await app.call('GET', '/health');
    expect(health.status).toBe(503);
    expect(health.json.components).toContainEqual({
      name: 'clock',
      status: 'down',
      detail: expect.stringContaining(`says ${new Date(nowMs).toISOString()}`),
    });
    expect(findings()).toEqual(['error store-finding']);
    expect((await app.call('GET', '/metrics')).text).toMatch(/subject="clock"[^\n]* 1\n/);
  });
});

test('200: a clock that was set right is noticed by itself', async () => {
  await start('1970-01-01T00:00:00Z');
  nowMs = Date.parse('2026-11-25T12:00:00Z');
  await app.ready();
  expect((await app.call('GET', '/health')).json.status).toBe('up');
});
