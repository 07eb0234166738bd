/**
 * Listens in the data directory for commands that only this process can carry out: write access to it is the
 * permission.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { FastifyBaseLogger } from 'fastify';
import { controlSocketPath } from '../lib/control-socket.ts';

export interface ControlServer {
  close(): Promise<void>;
}

type Progress = (done: number, total: number) => void;

export interface ControlOptions {
  readonly dataDir: string;
  /** Copies the database of this process to a file. */
  readonly backUp: (file: string, progress: Progress) => Promise<void>;
  readonly logger: Pick<FastifyBaseLogger, 'warn'>;
}

const BODY_BYTES_MAX = 64 * 1024;
const TIMEOUT_MS = 5_000;

const readFile = async (request: IncomingMessage): Promise<string> => {
  if (Number(request.headers['content-length'] ?? BODY_BYTES_MAX + 1) > BODY_BYTES_MAX) throw new Error('Too long.');
  const { file } = JSON.parse(await text(request)) as { file?: unknown };
  if (typeof file !== 'string') throw new Error('No file was named.');
  return file;
};

/**
 * Removes the socket of a process that was killed: the open database proves that it is gone.
 * @returns undefined where the path of the data directory is too long for a socket.
 */
export const startControlServer = async (options: ControlOptions): Promise<ControlServer | undefined> => {
  const { dataDir, backUp, logger } = options;
  const socketPath = controlSocketPath(dataDir);
  if (socketPath === undefined) return undefined;
  let underWay: Promise<void> | undefined;

  const answer = async (request: IncomingMessage, reply: ServerResponse): Promise<void> => {
    const say = (line: object): boolean => reply.write(`${JSON.stringify(line)}\n`);
    try {
      if (request.method !== 'POST' || request.url !== '/backup') throw new Error('There is no such command.');
      if (underWay !== undefined) throw new Error('A backup is being made.');
      const file = await readFile(request);
      underWay = backUp(file, (done, total) => say({ done, total }));
      await underWay;
      say({ finished: true });
    } catch (error) {
      logger.warn({ event: 'backup-failed', err: error }, 'The database could not be copied');
      say({ error: error instanceof Error ? error.message : String(error) });
    } finally {
      underWay = undefined;
      reply.end();
    }
  };

  const server: Server = createServer((request, reply) => void answer(request, reply));
  server.requestTimeout = TIMEOUT_MS;
  rmSync(socketPath, { force: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(socketPath, resolve);
  await promise;
  chmodSync(socketPath, 0o600);
  return {
    close: async () => {
      await underWay?.catch(() => undefined);
      const { promise: closed, resolve: done } = Promise.withResolvers<void>();
      server.close(() => done());
      server.closeAllConnections();
      await closed;
    },
  };
};
