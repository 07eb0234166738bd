/** The logger of a request: made when it is needed, and its methods may be handed on. */
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createRequestLogger } from '../../../src/http/request-logger.ts';

const createLog = () => {
  const lines: Record<string, unknown>[] = [];
  const base = pino({ level: 'trace' }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { lines, log: createRequestLogger(base, { requestId: 'r1' }) };
};

test.each(['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const)(
  '%s that was taken off the logger of a request writes for that request',
  (level) => {
    const { lines, log } = createLog();
    const other = createLog();
    const { [level]: write } = log;
    other.log.info('another request');
    write({ answer: 42 }, 'said');
    expect(lines).toEqual([expect.objectContaining({ requestId: 'r1', answer: 42, msg: 'said' })]);
  },
);

test('a child that was made by a method taken off has the fields of its request', () => {
  const { lines, log } = createLog();
  const { child } = log;
  child({ part: 'a' }).info('said');
  expect(lines).toEqual([expect.objectContaining({ requestId: 'r1', part: 'a' })]);
});
