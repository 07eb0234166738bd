/** The API description as a service with the default settings serves it; run by itself it writes openapi.json. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import { createLogger } from '../../src/telemetry/logs/logger.ts';

export const DESCRIPTION_FILE = new URL('../../openapi.json', import.meta.url);

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const serveDescription = async (): Promise<string> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'openapi-'));
  const app = await createApp({
    settings: readSettings({ DATA_DIR: dataDir }),
    version,
    node: 'openapi',
    logger: createLogger('fatal', { node: 'openapi' }),
    clock: { now: Date.now },
    tokenKeys: { secret: 'asked for by nobody, and long enough to be one' },
  });
  try {
    const { statusCode, body } = await app.server.inject('/openapi.json');
    if (statusCode !== 200) throw new Error(`/openapi.json answers ${statusCode}: ${body}`);
    return body;
  } finally {
    await app.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
};

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
}

export interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Media {
  readonly schema: Schema;
  readonly example?: unknown;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Record<string, Media>; readonly headers?: Record<string, unknown> }>
  >;
}

export interface Description {
  readonly document: { readonly paths: object; readonly tags: readonly { readonly name: string }[] };
  readonly schemas: Readonly<Record<string, Schema>>;
  readonly operations: readonly Operation[];
}

/** What is committed. */
export const readDescription = (): Description => {
  const document = JSON.parse(readFileSync(DESCRIPTION_FILE, 'utf8'));
  const operations = Object.entries<Record<string, Operation>>(document.paths).flatMap(([path, calls]) =>
    Object.entries(calls).map(([method, call]) => ({ ...call, method: method.toUpperCase(), path })),
  );
  return { document, schemas: document.components.schemas, operations };
};

if (import.meta.main) writeFileSync(DESCRIPTION_FILE, await serveDescription());
