/** Clients that take numbers from a running service, as fast as their connections allow, and keep their own records. */
import { Agent, request } from 'node:http';

export interface LoadOptions {
  readonly urls: readonly string[];
  readonly clients: number;
  /** Stop after this many numbers in all; undefined: when `signal` says so. */
  readonly numbersMax?: number;
  readonly signal?: AbortSignal;
}

export interface LoadResult {
  readonly numbers: readonly string[];
  /** Replies other than 200, by status. */
  readonly refusals: ReadonlyMap<number, number>;
  /** Requests without a reply: refused or cut connections. */
  readonly lost: number;
}

const get = (url: string, agent: Agent): Promise<{ status: number; body: string }> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { agent }, (reply) => {
      let body = '';
      reply.on('data', (data) => {
        body += data;
      });
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body }));
      reply.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });

/** Takes single numbers with `clients` connections, spread over the URLs. Each client waits for its reply before it asks again. */
export const takeNumbers = async ({ urls, clients, numbersMax, signal }: LoadOptions): Promise<LoadResult> => {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const numbers: string[] = [];
  const refusals = new Map<number, number>();
  let lost = 0;
  let asked = 0;

  const client = async (url: string): Promise<void> => {
    while (signal?.aborted !== true && (numbersMax === undefined || asked < numbersMax)) {
      asked += 1;
      try {
        const { status, body } = await get(url, agent);
        if (status === 200) numbers.push(JSON.parse(body).number);
        else refusals.set(status, (refusals.get(status) ?? 0) + 1);
      } catch {
        lost += 1;
        // The server is gone: this client has nothing more to do.
        if (numbersMax === undefined) return;
      }
    }
  };

  await Promise.all(Array.from({ length: clients }, (_, index) => client(urls[index % urls.length] ?? '')));
  agent.destroy();
  return { numbers, refusals, lost };
};
