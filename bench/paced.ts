/** Latency at a rate the server can sustain: requests leave on time, whatever became of the earlier ones. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Subject } from './subjects.ts';

export interface PacedResult {
  readonly requestsPerSecond: number;
  readonly averageMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const CONNECTIONS = 64;
const TICK_MS = 1;

const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });

/** @param requestsPerSecond well below what the server can do: replies are expected in one piece each. */
export const runPaced = async (
  { url, path, headers }: Subject,
  requestsPerSecond: number,
  seconds: number,
): Promise<PacedResult> => {
  const { port, host } = new URL(url);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const text = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines.join('')}\r\n`);
  const latencies: number[] = [];
  const free: Socket[] = [];
  /** When the requests that found no free connection were due. */
  const late: number[] = [];
  const since = new Map<Socket, number>();
  const send = (socket: Socket, dueMs: number): void => {
    since.set(socket, dueMs);
    socket.write(text);
  };
  const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(Number(port))));
  for (const socket of sockets) {
    free.push(socket);
    socket.on('data', () => {
      const now = performance.now();
      latencies.push(now - (since.get(socket) ?? now));
      const due = late.shift();
      if (due === undefined) free.push(socket);
      else send(socket, due);
    });
  }
  const begin = performance.now();
  let sent = 0;
  for (let now = begin; now < begin + seconds * 1_000; now = performance.now()) {
    for (const due = ((now - begin) / 1_000) * requestsPerSecond; sent < due; sent += 1) {
      const socket = free.shift();
      if (socket === undefined) late.push(now);
      else send(socket, now);
    }
    await delay(TICK_MS);
  }
  const tookMs = performance.now() - begin;
  for (const socket of sockets) socket.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
  return {
    requestsPerSecond: (latencies.length / tookMs) * 1_000,
    averageMs: latencies.reduce((sum, latency) => sum + latency, 0) / latencies.length,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
};
