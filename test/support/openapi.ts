/** The API description as a service with the default settings serves it; run by itself it writes openapi.json. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../src/app.ts';
import { readSettings } from '../../src/config/settings.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

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

if (import.meta.main) writeFileSync(DESCRIPTION_FILE, await serveDescription());
