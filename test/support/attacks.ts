/** Attacks on a live service, as strangers and narrowed callers can make them. Each ends when it has done its worst. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from './service.ts';
import { createToken } from './token.ts';

/** Made anew in each run: production takes no secret that stands in this repository. */
export const SECRET = randomBytes(36).toString('base64');

const bearer = (scope?: string): Record<string, string> => ({
  authorization: `Bearer ${createToken(SECRET, { scope, subject: scope ?? 'administrator' })}`,
});
const JSON_BODY = { 'content-type': 'application/json' };

type Ask = (index: number) => { readonly path: string } & RequestInit;

/** Sends requests, so many at once. @returns how often each status was answered. */
const flood = async (service: Service, count: number, atOnce: number, ask: Ask): Promise<Map<number, number>> => {
  const statuses = new Map<number, number>();
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < count) {
      const { path, ...init } = ask(next++);
      const reply = await fetch(`${service.url}${path}`, init);
      await reply.arrayBuffer();
      statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return statuses;
};

const expectOnly = (statuses: ReadonlyMap<number, number>, ...expected: readonly number[]): void => {
  const others = [...statuses].filter(([status]) => !expected.includes(status));
  if (others.length > 0) throw new Error(`Answered ${JSON.stringify(others)} too`);
};

const register = async (service: Service, prefixKey: string, config: object, headers = bearer()): Promise<void> => {
  const path = `/api/prefix-configs/${prefixKey}`;
  const reply = await fetch(`${service.url}${path}`, {
    ...{ method: 'PUT', headers: { ...headers, ...JSON_BODY }, body: JSON.stringify(config) },
  });
  if (reply.status !== 200) throw new Error(`PUT ${path}: ${reply.status} ${await reply.text()}`);
};

/** Opens connections, writes to each, reads nothing, and hangs up after a while. */
const hold = async ({ port }: Service, count: number, text: string | Buffer, holdMs: number): Promise<void> => {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    sockets.push(socket);
    await once(socket, 'connect');
    if (text.length > 0) socket.write(text);
  }
  await delay(holdMs);
  for (const socket of sockets) socket.destroy();
};

export interface Attack {
  /** Beside JWT_SECRET and METRICS_PORT. */
  readonly env?: Readonly<Record<string, string>>;
  readonly isTls?: true;
  /** What is there before it begins. */
  readonly prepare?: (service: Service) => Promise<void>;
  readonly run: (service: Service) => Promise<void>;
}

const INV = (service: Service) => register(service, 'INV', { format: 'INV-{year}-{SEQ:6}' });
const UNREAD = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
/**
 * The most expensive format that may be registered: numbers of the greatest length, with two check digits over all of
 * it.
 */
const DEAREST = `{SEQ:20}${'-{var:a}'.repeat(6)}-{check:mod97}{check:mod97}`;

/** By the words of docs/security.md. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  '8 connections ask for 1,000 descriptions each, and read nothing': {
    run: (service) => hold(service, 8, UNREAD('/openapi.json').repeat(1_000), 4_000),
  },
  '100 connections ask for 30 lists of 10,000 numbers each, and read nothing': {
    prepare: INV,
    run: (service) => {
      const headers = `Authorization: ${bearer('numbers:issue:INV')['authorization']}\r\n`;
      return hold(service, 100, UNREAD('/api/numbers/INV?count=10000', headers).repeat(30), 4_000);
    },
  },
  '1,000 connections that stay after a request': {
    run: (service) => hold(service, 1_000, UNREAD('/livez'), 1_000),
  },
  '300 TLS handshakes that never end': {
    env: { HEADERS_TIMEOUT_MS: '1000' },
    isTls: true,
    run: async (service) => {
      const firsts = ['', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', Buffer.from([0x16, 3, 1, 2, 0, 1])];
      await Promise.all(firsts.map((first) => hold(service, 100, first, 3_000)));
    },
  },
  '10,000 requests with made-up tokens and API keys': {
    prepare: INV,
    run: async (service) => {
      const [head, claims] = bearer()['authorization']?.split('.') ?? [];
      const statuses = await flood(service, 10_000, 50, (index) => ({
        path: '/numbers/INV',
        headers:
          index % 2 === 0
            ? { authorization: `${head}.${claims}.${String(index).padStart(43, 'A')}` }
            : { 'x-api-key': `ng_${String(index).padStart(16, '0')}_${'A'.repeat(43)}` },
      }));
      expectOnly(statuses, 401);
    },
  },
  '10,000 refused management calls': {
    run: async (service) => {
      const path = `/api/prefix-configs/${'%41'.repeat(60)}`;
      expectOnly(await flood(service, 10_000, 50, () => ({ path, method: 'DELETE' })), 401);
    },
  },
  '10 lists of 10,000 of the longest numbers, with two check digits, at once': {
    prepare: (service) => register(service, 'EVIL', { format: DEAREST }, bearer('configs:write:EVIL')),
    run: async (service) => {
      const path = `/api/numbers/EVIL?count=10000&variables=a:${'Z'.repeat(32)}`;
      expectOnly(await flood(service, 10, 10, () => ({ path, headers: bearer('numbers:issue:EVIL') })), 200);
    },
  },
  '10 bodies of 1.7 MB with 150,000 unknown fields': {
    run: async (service) => {
      const fields = Array.from({ length: 150_000 }, (_, index) => `"f${index}":1`);
      const init = {
        ...{ method: 'PUT', headers: { ...bearer('configs:write:EVIL'), ...JSON_BODY } },
        body: `{${fields.join(',')}}`,
      };
      expectOnly(await flood(service, 10, 2, () => ({ path: '/api/prefix-configs/EVIL', ...init })), 400);
    },
  },
  '10 bodies of 2 MB, nested a million deep': {
    run: async (service) => {
      const init = {
        ...{ method: 'PUT', headers: { ...bearer('configs:write:EVIL'), ...JSON_BODY } },
        body: `${'['.repeat(999_000)}${']'.repeat(999_000)}`,
      };
      expectOnly(await flood(service, 10, 2, () => ({ path: '/api/prefix-configs/EVIL', ...init })), 400);
    },
  },
  '4 readers of a ledger of 80,000 numbers, a byte a second each': {
    prepare: async (service) => {
      await register(service, 'TEN', { format: `TEN-{SEQ:6}-${'x'.repeat(100)}`, strategy: 'gapless' });
      const headers = bearer();
      expectOnly(await flood(service, 8, 1, () => ({ path: '/api/numbers/TEN?count=10000', headers })), 200);
    },
    run: async (service) => {
      const headers = `Authorization: ${bearer('configs:read:TEN')['authorization']}\r\n`;
      await hold(service, 4, UNREAD('/api/sequences/TEN/report', headers), 4_000);
    },
  },
  '100 requests for 100 numbers each in one packet': {
    prepare: INV,
    run: (service) => hold(service, 1, UNREAD('/numbers/INV?count=100').repeat(100), 2_000),
  },
  '5,000 requests that have themselves traced, while nobody takes the traces': {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_TRACES_SAMPLER_ARG: '0' },
    prepare: INV,
    run: async (service) => {
      const traceparentOf = (index: number): string => `00-${String(index + 1).padStart(32, '0')}-00000000000000a1-01`;
      const statuses = await flood(service, 5_000, 50, (index) => ({
        ...{
          path: '/numbers/INV',
          headers: { traceparent: traceparentOf(index), tracestate: `evil=${'x'.repeat(400)}` },
        },
      }));
      expectOnly(statuses, 200);
    },
  },
  '5,000 idempotency keys of strangers': {
    prepare: INV,
    run: async (service) => {
      const ask: Ask = (index) => ({ path: '/numbers/INV', headers: { 'idempotency-key': `k${index}` } });
      // A stranger with as many keys as are remembered gets no further number.
      expectOnly(await flood(service, 5_000, 50, ask), 200, 429);
    },
  },
  'one number of each of 3,000 days': {
    prepare: (service) =>
      register(service, 'PAST', { format: '{year}{month}{day}-{SEQ:3}', reset: 'daily', allowPast: true }),
    run: async (service) => {
      const dayOf = (index: number): string => new Date(Date.now() - index * 86_400_000).toISOString().slice(0, 10);
      const ask: Ask = (index) => ({
        ...{ path: '/api/numbers', method: 'POST', headers: JSON_BODY },
        body: JSON.stringify({ prefixKey: 'PAST', date: dayOf(index) }),
      });
      // Beyond PAST_PERIODS_MAX a date is refused.
      expectOnly(await flood(service, 3_000, 50, ask), 200, 400);
    },
  },
};
