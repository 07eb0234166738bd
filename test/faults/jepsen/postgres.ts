/** The PostgreSQL of a run: the one of the test support, where that is there. */
import { existsSync } from 'node:fs';

/** What the harness needs of `startPostgresServer()`. */
export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Same port, same data. */
  restart(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** Named by an address and not imported, so that the harness also works in a tree without it. */
const SUPPORT = new URL('../../support/postgres.ts', import.meta.url);

export const startPostgres = async (): Promise<PostgresServer> => {
  if (!existsSync(SUPPORT)) throw new Error(`--backend postgres needs ${SUPPORT.pathname}.`);
  const { startPostgresServer } = (await import(SUPPORT.href)) as { startPostgresServer(): Promise<PostgresServer> };
  return startPostgresServer();
};
