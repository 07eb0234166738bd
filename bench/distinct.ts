/** The slower pass that keeps the bodies: are the numbers distinct? */
import { Agent, request } from 'node:http';
import type { Cell } from './scenarios.ts';
import type { Subject } from './subjects.ts';

export interface DistinctCount {
  readonly numbers: number;
  readonly distinct: number;
}

const REQUESTS = 2_000;
const CLIENTS = 32;

const fetchBody = (url: string, headers: Readonly<Record<string, string>>, agent: Agent): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const sent = request(url, { agent, headers }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (data: string) => {
        text += data;
      });
      reply.on('end', () => (reply.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text))));
      reply.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });

/** @throws when a request fails. */
export const countDistinct = async (subject: Subject, url: string, { count = 1 }: Cell): Promise<DistinctCount> => {
  const { read, headers } = subject;
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const seen = new Set<string>();
  let numbers = 0;
  let left = Math.ceil(REQUESTS / count) + CLIENTS;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      for (const number of read?.(await fetchBody(url, headers, agent)) ?? []) {
        numbers += 1;
        seen.add(number);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: CLIENTS }, client));
  } finally {
    agent.destroy();
  }
  return { numbers, distinct: seen.size };
};
