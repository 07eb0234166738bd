/** README and docs keep their word: their commands are run as they stand there, and print what it says below them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { blocksOf, DOCUMENTS } from '../support/documented-commands.ts';
import { startPostgresServer } from '../support/postgres.ts';
import { findFreePort, startRedisServer } from '../support/redis.ts';
import { startService } from '../support/service.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

interface Story {
  readonly document: string;
  readonly stores: 'SQLite' | 'Redis and PostgreSQL';
  readonly commands: readonly string[];
  readonly printed: readonly string[];
}

/** The blocks of a document that need the same stores are one session, from top to bottom. */
const stories = DOCUMENTS.flatMap(({ path, text }) =>
  (['SQLite', 'Redis and PostgreSQL'] as const).flatMap((stores): Story[] => {
    const own = blocksOf(text).filter(({ language, runBy }) => language === 'console' && runBy === stores);
    const commands = own.flatMap((block) => block.commands);
    return own.length === 0
      ? []
      : [{ document: path, stores, commands, printed: own.flatMap((block) => block.printed) }];
  }),
);

interface Session {
  readonly env: Readonly<Record<string, string>>;
  /** What the documents write for the address of the service and of its stores → where they are now. */
  readonly addresses: Readonly<Record<string, string>>;
}

const openSession = async (story: Story, stack: AsyncDisposableStack): Promise<Session> => {
  const stores: Record<string, string> = {};
  const addresses: Record<string, string> = {};
  if (story.stores !== 'SQLite') {
    const redis = stack.use(await startRedisServer({ appendonly: true }));
    // Servers of its own: the documents empty them, and stop them.
    const database = stack.use(await startPostgresServer());
    Object.assign(stores, { REDIS_URL: redis.url, DATABASE_URL: database.url });
    addresses['redis-cli '] = `redis-cli -p ${redis.port} `;
    addresses['redis://127.0.0.1:6379'] = redis.url;
    addresses['postgres://numbers@127.0.0.1:5432/numbers'] = database.url;
  }
  const service = stack.use(await startService({ env: { AUTH: 'on', ...stores } }));
  if (story.stores !== 'SQLite') await expect.poll(async () => (await fetch(`${service.url}/readyz`)).status).toBe(200);
  const work = mkdtempSync(join(tmpdir(), 'test-documents-'));
  stack.defer(() => rmSync(work, { recursive: true, force: true }));
  // A second node, and a collector that is not there.
  const [port, nobody] = [await findFreePort(), await findFreePort()];
  Object.assign(addresses, { 'PORT=8081': `PORT=${port}`, 'localhost:8081': `127.0.0.1:${port}` });
  addresses['127.0.0.1:4318'] = `127.0.0.1:${nobody}`;
  const PATH = [join(ROOT, 'node_modules/.bin'), process.env['PATH']].join(delimiter);
  return {
    // Nobody has to notice that a second node goes.
    env: {
      PATH,
      HOME: process.env['HOME'] ?? '',
      DATA_DIR: service.dataDir,
      WORK: work,
      SHUTDOWN_DRAIN_MS: '0',
      ...stores,
    },
    addresses: { ...addresses, 'localhost:8080': `127.0.0.1:${service.port}` },
  };
};

/** `…` stands for what is different each time: times, identifiers, sizes. */
const patternOf = (line: string): RegExp => {
  const parts = line.split('…').map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join('.*')}$`, 's');
};

test.each(stories)('the commands of $document on $stores print what stands below them', async (story) => {
  const { commands } = story;
  const year = String(new Date().getUTCFullYear());
  const printed = story.printed.map((line) => line.replaceAll('INV-2026-', `INV-${year}-`));
  expect(commands.length).toBeGreaterThan(0);
  await using stack = new AsyncDisposableStack();
  const { env, addresses } = await openSession(story, stack);
  let script = [
    'set -euo pipefail',
    // What a block starts with & is a process group, and ends with the session.
    'set -m; trap \'for job in $(jobs -p); do kill -- "-$job" && wait "$job" || true; done\' EXIT',
    // curl leaves the line of a reply open.
    ...commands.map((command) => (/^curl (?!.* (\||-o) )/.test(command) ? `${command}; echo` : command)),
  ].join('\n');
  for (const [written, real] of Object.entries(addresses)) script = script.replaceAll(written, real);
  const { stdout } = await run('bash', ['-c', script], { cwd: ROOT, env }).catch((error) => {
    throw new Error(`A command failed, after this was printed:\n${error.stdout}\n${error.stderr}`, { cause: error });
  });
  const lines = stdout.trimEnd().split('\n');
  const fits = lines.map((line, index) => (patternOf(printed[index] ?? '').test(line) ? printed[index] : line));
  expect(fits).toEqual(printed);
});

test('the documents for operators are among them', () => {
  const names = stories.map(({ document }) => document);
  expect(names).toEqual(
    expect.arrayContaining(['README.md', 'docs/guides/back-up-and-restore.md', 'docs/guides/at-3-am.md']),
  );
});
