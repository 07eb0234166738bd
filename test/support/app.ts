/** The whole app in this process, on a store of the caller's choice, spoken to by injected requests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type App, createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import type { Clock } from '../../src/core/clock.ts';
import { nameNode } from '../../src/lib/node-name.ts';
import { createLogger } from '../../src/telemetry/logs/logger.ts';
import { watchOpenResources } from './leak-check.ts';
import { createToken, type TokenTerms } from './token.ts';

const READY_POLL_MS = 5;

export const JWT_SECRET = 'a-secret-for-tests-of-at-least-32-characters';

export interface TestApp {
  readonly server: App['server'];
  /** The log so far, parsed. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Sends a request as an administrator, unless `headers` says otherwise; bodies are sent as JSON. */
  call(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<TestReply>;
  readonly metricsServer: App['metricsServer'];
  /** Looks what is held ready and what is missing, as the app does every 5 s and every 15 s. */
  watchHoldings(): Promise<void>;
  watchCollisions(): Promise<void>;
  /** Looks how full the series are, as the app does every 10 s. */
  watchCapacity(): Promise<void>;
  /** Looks for next periods to prepare, as the app does every 30 s. */
  prepareStandby(): void;
  /** Resolves when `/readyz` says so. */
  ready(): Promise<void>;
  /** Closes the app and throws when it leaves anything open. */
  close(): Promise<void>;
}

export interface TestReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  // Replies are judged by the tests, field by field.
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what is being tested
  readonly json: any;
}

export const adminToken = createToken(JWT_SECRET, {});

/** The header of a caller with a token of these terms; without any it is an administrator's. */
export const bearer = (terms: TokenTerms = {}): Record<string, string> => ({
  authorization: `Bearer ${createToken(JWT_SECRET, terms)}`,
});

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** @param env settings beside the defaults of the service; the data directory is a temporary one. */
export const startApp = async (
  env: Readonly<Record<string, string>> = {},
  clock: Clock = { now: Date.now },
): Promise<TestApp> => {
  const nothingLeftOpen = watchOpenResources();
  const dataDir = mkdtempSync(join(tmpdir(), 'test-app-'));
  const settings = readSettings({ DATA_DIR: dataDir, ...(!('JWT_JWKS_URL' in env) && { JWT_SECRET }), ...env });
  const log: Record<string, unknown>[] = [];
  const node = nameNode();
  const logger = createLogger(settings.logLevel, {
    node,
    destination: { write: (line) => log.push(JSON.parse(line)) },
  });
  const keys = settings.jwks === undefined ? { secret: JWT_SECRET } : { jwks: settings.jwks };
  const tokenKeys = settings.auth === 'on' ? keys : undefined;
  const app = await createApp({ settings, version: '0.0.0-test', node, logger, clock, tokenKeys });
  return {
    server: app.server,
    log,
    call: async (method, url, body, headers = { authorization: `Bearer ${adminToken}` }) => {
      const reply = await app.server.inject({
        method: method as 'GET',
        url,
        headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      return { status: reply.statusCode, headers: reply.headers, text: reply.body, json: parse(reply.body) };
    },
    metricsServer: app.metricsServer,
    watchHoldings: app.watchers.lookAtHoldings,
    watchCollisions: app.watchers.lookForCollisions,
    watchCapacity: app.watchers.capacity.look,
    prepareStandby: app.prepareStandby,
    ready: async () => {
      while ((await app.server.inject('/readyz')).statusCode !== 200) await setTimeout(READY_POLL_MS);
    },
    close: async () => {
      await app.close();
      rmSync(dataDir, { recursive: true, force: true });
      await nothingLeftOpen();
    },
  };
};
