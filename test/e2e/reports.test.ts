/** A report over many numbers, by the real process: it takes little memory, and agrees with the store to the number. */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { leasePostgresDatabase } from '../support/postgres-database.ts';
import { leaseRedisDatabase } from '../support/redis-database.ts';
import { type Service, startService } from '../support/service.ts';

/** `REPORT_NUMBERS=1000000 npx vitest run --project e2e test/e2e/reports.test.ts` is the long run. */
const NUMBERS = Number(process.env['REPORT_NUMBERS'] ?? 50_000);
const BATCH = 10_000;
const MORE_MEMORY_MAX_MB = 50;
const LIMIT_MS = 60_000 + NUMBERS / 2;
const KEY = 'ALL';

interface Backend {
  readonly env: Readonly<Record<string, string>>;
  readonly strategy: 'counter' | 'gapless';
  /** Makes values missing behind the service's back: every tenth one. */
  readonly tearGaps?: () => Promise<void>;
  /** How many rows the ledger has, by state. */
  readonly count?: () => Promise<Record<string, number>>;
  release(): Promise<void>;
}

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  'a ledger in SQLite': async () => ({ env: {}, strategy: 'gapless', release: async () => undefined }),
  'a ledger in PostgreSQL': async () => {
    const [redis, postgres] = await Promise.all([leaseRedisDatabase(), leasePostgresDatabase()]);
    return {
      env: { REDIS_URL: redis.url, DATABASE_URL: postgres.url, DATABASE_TIMEOUT_MS: '20000' },
      strategy: 'gapless',
      count: async () => {
        const rows = await postgres.query(
          'SELECT state, count(*)::int AS count FROM ledger WHERE prefix_key = $1 GROUP BY state',
          [KEY],
        );
        return Object.fromEntries(rows.map(({ state, count }) => [String(state), Number(count)]));
      },
      release: async () => {
        await redis.release();
        await postgres.release();
      },
    };
  },
  'a counter in Redis with a gap record of a tenth of its values': async () => {
    const redis = await leaseRedisDatabase();
    return {
      env: { REDIS_URL: redis.url, STANDBY_SIZE: '0' },
      strategy: 'counter',
      tearGaps: async () => {
        for (let at = 10; at <= NUMBERS; at += BATCH) {
          const words = Array.from({ length: BATCH / 10 }, (_, index) => at + index * 10)
            .filter((value) => value <= NUMBERS)
            .flatMap((value) => [`${value}`, `${value} advance - 1700000000`]);
          await redis.client.hset(`{sequence:${KEY}}:gaps`, ...words);
        }
      },
      release: () => redis.release(),
    };
  },
};

const call = async (service: Service, method: string, path: string, body?: object): Promise<Record<string, string>> => {
  const reply = await fetch(`${service.url}/api${path}`, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`);
  return (await reply.json()) as Record<string, string>;
};

const fill = async (service: Service, strategy: string): Promise<void> => {
  await call(service, 'PUT', `/prefix-configs/${KEY}`, { format: `${KEY}-{SEQ:7}`, strategy, outage: 'reject' });
  await call(service, 'PUT', '/prefix-configs/FEW', { format: '{SEQ:3}', strategy });
  await call(service, 'GET', '/numbers/FEW');
  const reserved = strategy === 'gapless' ? 2 : 0;
  for (let left = NUMBERS - reserved; left > 0; left -= BATCH) {
    await call(service, 'GET', `/numbers/${KEY}?count=${Math.min(left, BATCH)}`);
  }
  if (reserved === 0) return;
  const [open, given] = [
    await call(service, 'POST', '/reservations', { prefixKey: KEY, ttlSeconds: 3_600 }),
    await call(service, 'POST', '/reservations', { prefixKey: KEY, ttlSeconds: 3_600 }),
  ];
  expect(open['reservationId'] ?? open['id']).toBeTruthy();
  await call(service, 'POST', `/reservations/${given['reservationId'] ?? given['id']}/void`, { reason: 'sold twice' });
};

const residentMb = (pid: number): number => {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
};

/** Reads a report line by line. @returns the lines, whatever `each` does with them, and the most memory the service had. */
const readReport = async (service: Service, path: string, each: (line: string) => void): Promise<number> => {
  const { status, body } = await fetch(`${service.url}/api/sequences/${path}`);
  expect(status).toBe(200);
  let highestMb = 0;
  let lines = 0;
  for await (const line of createInterface({ input: Readable.fromWeb(body as ReadableStream) })) {
    each(line);
    lines += 1;
    if (lines % 2_000 === 0) highestMb = Math.max(highestMb, residentMb(service.pid));
  }
  return Math.max(highestMb, residentMb(service.pid));
};

const numberOf = (value: number): string => `${KEY}-${String(value).padStart(7, '0')}`;

describe.each(Object.keys(BACKENDS))('a report on %s', (name) => {
  test(
    `of ${NUMBERS} numbers streams with less than ${MORE_MEMORY_MAX_MB} MB more memory and agrees with the store`,
    async () => {
      const backend = await (BACKENDS[name] as () => Promise<Backend>)();
      const filler = await startService({ env: backend.env });
      await fill(filler, backend.strategy);
      await filler.stop();
      await backend.tearGaps?.();
      // Another process, whose memory no other work has made large already.
      await using service = await startService({ env: { ...backend.env, DATA_DIR: filler.dataDir } });
      // It listens before it has reached its stores.
      while ((await fetch(`${service.url}/api/sequences/FEW/report`)).status !== 200) await setTimeout(50);
      const beforeMb = residentMb(service.pid);

      const counts: Record<string, number> = {};
      let next = 1;
      let summary = '';
      const highestMb = await readReport(service, `${KEY}/report`, (line) => {
        if (line.startsWith('],"summary":')) summary = line.slice('],"summary":'.length, -1);
        if (!line.startsWith('{"state"')) return;
        const run = JSON.parse(line.replace(/,$/, ''));
        // Not by expect: a million assertions take longer than the report.
        if (run.first !== `${next}` || run.firstNumber !== numberOf(next)) throw new Error(`${next}: ${line}`);
        counts[run.state] = (counts[run.state] ?? 0) + Number(run.count);
        next += Number(run.count);
        if (run.state === 'void') expect(run.reason).toBe('sold twice');
      });
      expect(next - 1).toBe(NUMBERS);
      expect(counts).toEqual(
        backend.strategy === 'gapless'
          ? { issued: NUMBERS - 2, reserved: 1, void: 1 }
          : { issued: NUMBERS * 0.9, gap: NUMBERS * 0.1 },
      );
      if (backend.count) expect(counts).toEqual(await backend.count());
      expect(JSON.parse(summary)).toMatchObject({ first: '1', last: `${NUMBERS}`, issued: `${counts['issued']}` });

      let rows = 0;
      let total = '';
      const highestCsvMb = await readReport(service, `${KEY}/report?format=csv`, (line) => {
        rows += 1;
        total = line;
      });
      expect(rows).toBe(2 + (backend.strategy === 'gapless' ? NUMBERS : NUMBERS / 5));
      expect(total).toMatch(new RegExp(`^total,1,${NUMBERS},${NUMBERS},`));

      const moreMb = Math.max(highestMb, highestCsvMb) - beforeMb;
      process.stdout.write(
        `${name}: ${NUMBERS} numbers, ${moreMb.toFixed(1)} MB more than ${beforeMb.toFixed(0)} MB\n`,
      );
      expect(moreMb).toBeLessThan(MORE_MEMORY_MAX_MB);
      await filler.close();
      await backend.release();
    },
    LIMIT_MS,
  );
});
