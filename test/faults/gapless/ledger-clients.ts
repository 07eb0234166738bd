/** Clients that reserve numbers of a gapless prefix, confirm a third, void a third, leave a third to expire, and write down what they were told. */
import { setTimeout as delay } from 'node:timers/promises';
import type { KnownReservation } from './ledger-verdict.ts';

export interface LedgerClients {
  /** How many reservations in all, and by how many clients. */
  readonly reservations: number;
  readonly clients: number;
  readonly prefixKey: string;
  readonly anyUrl: () => string;
}

export interface LedgerJournal {
  readonly issued: string[];
  readonly reserved: KnownReservation[];
  /** Requests that were refused, or of which no reply came. */
  failures: number;
}

/** Longer than any fault of the run. */
const TTL_SECONDS = 15;
const SHORT_TTL_SECONDS = 1;
const RETRY_MS = 25;
const REPLY_MAX_MS = 20_000;

const FATES = ['confirm', 'void', 'expire'] as const;

// biome-ignore lint/suspicious/noExplicitAny: replies are judged by the tests
type Reply = { readonly status: number; readonly json: any } | undefined;

const call = async (method: string, url: string, body?: object): Promise<Reply> => {
  try {
    const reply = await fetch(url, {
      method,
      signal: AbortSignal.timeout(REPLY_MAX_MS),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
    return { status: reply.status, json: await reply.json() };
  } catch {
    return undefined;
  }
};

/** Runs until all are reserved and ended. A client repeats what failed, as one without an idempotency key can. */
export const runLedgerClients = async (options: LedgerClients, journal: LedgerJournal): Promise<void> => {
  const { reservations, clients, prefixKey, anyUrl } = options;
  let begun = 0;

  const insist = async (expected: readonly number[], attempt: () => Promise<Reply>): Promise<NonNullable<Reply>> => {
    for (;;) {
      const reply = await attempt();
      if (reply !== undefined && expected.includes(reply.status)) return reply;
      if (reply !== undefined && reply.status !== 503)
        throw new Error(`${reply.status}: ${JSON.stringify(reply.json)}`);
      journal.failures += 1;
      await delay(RETRY_MS);
    }
  };

  const serveOne = async (index: number): Promise<void> => {
    const fate = FATES[index % 3];
    const ttlSeconds = fate === 'expire' ? SHORT_TTL_SECONDS : TTL_SECONDS;
    const body = { prefixKey, ttlSeconds };
    const { json } = await insist([201], () => call('POST', `${anyUrl()}/api/reservations`, body));
    const { id, number } = json;
    if (fate === 'expire') {
      journal.reserved.push({ id, number, outcome: 'unknown' });
    } else {
      const reason = { reason: `fate of ${index}` };
      const path = `/api/reservations/${id}/${fate}`;
      const ended = await insist([200, 409], () =>
        call('POST', `${anyUrl()}${path}`, fate === 'void' ? reason : undefined),
      );
      // Refused: an outage was longer than its time.
      journal.reserved.push({ id, number, outcome: ended.status === 200 ? ended.json.state : 'expired' });
    }
    if (index % 10 !== 0) return;
    const taken = await insist([200], () => call('GET', `${anyUrl()}/api/numbers/${prefixKey}`));
    journal.issued.push(taken.json.number);
  };

  const client = async (): Promise<void> => {
    while (begun < reservations) {
      begun += 1;
      await serveOne(begun);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
};
