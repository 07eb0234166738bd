/** Clients that ask at a fixed rate, whether the replies come or not, as the public does. */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const TICK_MS = 5;
const SOCKETS_MAX = 64;
/** Beyond this the service does not keep up, and waiting requests say nothing about a restart. */
const IN_FLIGHT_MAX = 4_000;

export interface SteadyLoad {
  /** Ends it; resolves when every request has its reply or its error. */
  stop(): Promise<SteadyResult>;
}

export interface SteadyResult {
  readonly numbers: readonly string[];
  readonly sent: number;
  /** Requests per second, from the first to the last. */
  readonly rate: number;
  /** Replies other than 200, by status; requests without a reply, by the code of the error. */
  readonly failures: Readonly<Record<string, number>>;
  /** ms from a request to its reply: median, 99th percentile, worst. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The longest time without a reply, ms. */
  readonly longestSilenceMs: number;
}

const rounded = (ms: number | undefined): number => Math.round((ms ?? 0) * 10) / 10;

/** Asks for one number with a POST under an Idempotency-Key of its own, so that whoever stands between may repeat it. */
export const keyedPost = (prefixKey: string): RequestOptions & { readonly payload: string } => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
  payload: JSON.stringify({ prefixKey }),
});

/**
 * @param rate requests per second of single numbers from the URL.
 * @param describe what each request is; by default a GET.
 * @throws at `stop` when the replies stay away.
 */
export const startSteadyLoad = (
  url: string,
  rate: number,
  describe: () => RequestOptions & { readonly payload?: string } = () => ({}),
): SteadyLoad => {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  const numbers: string[] = [];
  const failures: Record<string, number> = {};
  const latencies: number[] = [];
  const beganMs = performance.now();
  let sent = 0;
  let inFlight = 0;
  let lastReplyMs = beganMs;
  let longestSilenceMs = 0;
  let stopped = false;

  const fail = (what: string): void => {
    failures[what] = (failures[what] ?? 0) + 1;
  };
  const read = (reply: IncomingMessage, sentMs: number): void => {
    let body = '';
    reply.setEncoding('utf8');
    reply.on('data', (part: string) => {
      body += part;
    });
    reply.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    reply.on('end', () => {
      const nowMs = performance.now();
      longestSilenceMs = Math.max(longestSilenceMs, nowMs - lastReplyMs);
      lastReplyMs = nowMs;
      latencies.push(nowMs - sentMs);
      if (reply.statusCode === 200) numbers.push(JSON.parse(body).number);
      else fail(String(reply.statusCode));
    });
    reply.on('close', () => {
      inFlight -= 1;
    });
  };
  const send = (): void => {
    const sentMs = performance.now();
    sent += 1;
    inFlight += 1;
    const { payload, ...options } = describe();
    const sending = request(url, { agent, ...options });
    sending.on('response', (reply) => read(reply, sentMs));
    sending.on('error', (error: NodeJS.ErrnoException) => {
      inFlight -= 1;
      fail(error.code ?? error.message);
    });
    sending.end(payload);
  };

  const work = async (): Promise<void> => {
    while (!stopped) {
      const due = Math.floor(((performance.now() - beganMs) / 1_000) * rate);
      while (sent < due && inFlight < IN_FLIGHT_MAX) send();
      await delay(TICK_MS);
    }
  };
  const working = work();

  return {
    stop: async () => {
      stopped = true;
      await working;
      const endedMs = performance.now();
      while (inFlight > 0) await delay(TICK_MS);
      agent.destroy();
      const ordered = latencies.toSorted((a, b) => a - b);
      return {
        numbers,
        sent,
        rate: Math.round(sent / ((endedMs - beganMs) / 1_000)),
        failures,
        latencyMs: {
          p50: rounded(ordered[Math.floor(ordered.length / 2)]),
          p99: rounded(ordered[Math.ceil(ordered.length * 0.99) - 1]),
          max: rounded(ordered.at(-1)),
        },
        longestSilenceMs: rounded(longestSilenceMs),
      };
    },
  };
};
