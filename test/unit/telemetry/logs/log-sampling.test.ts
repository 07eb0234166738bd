/** One cause cannot fill the log, and nothing that happens once is left out. */
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../../../src/telemetry/logs/logger.ts';

const openLog = () => {
  const lines: Record<string, unknown>[] = [];
  let nowMs = 0;
  const write = (line: string): void => {
    lines.push(JSON.parse(line));
  };
  const logger = createLogger('info', { node: 'n1', destination: { write }, monotonic: () => nowMs });
  return {
    logger,
    lines,
    pass: (ms: number): void => {
      nowMs += ms;
    },
  };
};

describe('lines that tell the same thing', () => {
  test('are written once in ten seconds, with the number of those left out', () => {
    const { logger, lines, pass } = openLog();
    const refuse = (): void => logger.warn({ event: 'request-refused', code: 'STORAGE_UNAVAILABLE' }, 'Refused');
    for (let count = 0; count < 10_000; count += 1) refuse();
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('left_out');
    pass(10_000);
    refuse();
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({ event: 'request-refused', left_out: 9_999 });
  });

  test('are told apart by cause: another client, code or reason has a line of its own', () => {
    const { logger, lines } = openLog();
    const from = (client: string): void => logger.warn({ event: 'unauthorized', client, reason: 'none' }, 'Refused');
    for (const client of ['10.0.0.1', '10.0.0.2', '10.0.0.1']) from(client);
    expect(lines.map(({ client }) => client)).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test('are sampled through the logger of a request too', () => {
    const { logger, lines } = openLog();
    for (const id of ['a', 'b']) {
      logger.child({ request_id: id }).warn({ event: 'request-refused', code: 'STORAGE_TIMEOUT' }, 'Refused');
    }
    expect(lines.map(({ request_id: id }) => id)).toEqual(['a']);
  });
});

describe('a line above info', () => {
  test('says what to do about it', () => {
    const { logger, lines } = openLog();
    logger.error({ event: 'outage-began', reason: 'x' }, 'Away');
    expect(lines[0]).toMatchObject({
      remedy: 'Bring the store back. Until then numbers come from the standby segments.',
    });
  });

  test('keeps the remedy it came with', () => {
    const { logger, lines } = openLog();
    logger.error({ event: 'store-disconnected', remedy: 'Check the password.' }, 'Away');
    expect(lines[0]).toMatchObject({ remedy: 'Check the password.' });
  });
});

test('what somebody did by hand is always written', () => {
  const { logger, lines } = openLog();
  for (let count = 0; count < 3; count += 1) logger.info({ event: 'sequence-advanced', prefix_key: 'INV' }, 'Moved');
  expect(lines).toHaveLength(3);
});

test('at the level debug every line is written: whoever asks for that looks for one among all', () => {
  const lines: string[] = [];
  const logger = createLogger('debug', { node: 'n1', destination: { write: (line) => void lines.push(line) } });
  for (let count = 0; count < 3; count += 1) logger.warn({ event: 'request-refused', code: 'X' }, 'Refused');
  expect(lines).toHaveLength(3);
});
