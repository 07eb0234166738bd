/** Each command of README and docs was run: by a test, by .ci/run, or by hand with its output shown; or the docs say that it was not, and why. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DOCUMENTS, isPartOf, readDocument } from '../support/documented-commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const documents = DOCUMENTS.map(({ path, text }) => ({ path, ...readDocument(text) }));

/** What CI runs, without what it only says. */
const ciLines = [read('.ci/run'), read('.github/workflows/ci.yml')]
  .flatMap((text) => text.split('\n'))
  .filter((line) => !/^\s*(?:#|heading|echo)/.test(line));
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
const ran = [...documents.flatMap(({ run }) => run), ...ciLines];

/** The table of docs/development.md that says what was not run. */
const [, excuses = ''] = /^## Commands that were not run here$(.*?)^## /ms.exec(read('docs/development.md')) ?? [];
const notRun = [...excuses.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, command = '', why = '']) => ({
  command,
  why,
}));

const wasRun = (command: string): boolean => {
  if (ran.some((line) => isPartOf(command, line))) return true;
  // A script of scripts was run when all of them were.
  const parts = scripts[/^npm run (\S+)$/.exec(command)?.[1] ?? '']?.split(' && ') ?? [];
  return parts.length > 1 && parts.every(wasRun);
};

test.each(documents)('$path: each command was run, or the docs say why not', ({ mentioned, faults }) => {
  const open = mentioned.filter(
    (command) => !wasRun(command) && !notRun.some((excuse) => isPartOf(excuse.command, command)),
  );
  expect({ faults, open }).toEqual({ faults: [], open: [] });
});

test('what was not run is still in the docs, and was not run since', () => {
  expect(notRun.length).toBeGreaterThan(0);
  const mentioned = documents.flatMap((document) => document.mentioned);
  for (const { command, why } of notRun) {
    expect(why.length).toBeGreaterThan(10);
    expect(mentioned.filter((text) => isPartOf(command, text)).length, command).toBeGreaterThan(1);
    expect(wasRun(command), command).toBe(false);
  }
});

describe('a document is told that', () => {
  const block = (mark: string, language = 'console', body = '$ npm run token\neyJ…'): string =>
    `Text\n\n${mark}\`\`\`${language}\n${body}\n\`\`\`\n`;

  test.each([
    '<!-- run by test/e2e/readme.test.ts -->\n',
    '<!-- run by test/e2e/readme.test.ts on Redis and PostgreSQL -->\n',
    '<!-- run by test/deployment/documented-overlays.test.ts -->\n',
    '<!-- run by hand, 2026-11-28 -->\n',
    '<!-- run by hand, 2026-11-28: two cores shared with other work -->\n',
  ])('its block is in order under %s', (mark) => {
    expect(readDocument(block(mark))).toEqual({ run: ['npm run token'], mentioned: [], faults: [] });
  });

  test.each([
    ['has no mark', block('')],
    ['has a mark without a date', block('<!-- run by hand -->\n')],
    ['has a mark that is not right above it', block('<!-- run by hand, 2026-11-28 -->\n\n')],
    ['has a mark of another test', block('<!-- run by test/e2e/other.test.ts -->\n')],
    ['shows no output', block('<!-- run by hand, 2026-11-28 -->\n', 'console', '$ npm run token')],
    ['calls itself text', block('<!-- run by hand, 2026-11-28 -->\n', 'text')],
  ])('its block %s', (_, text) => {
    const { run, faults } = readDocument(text);
    expect({ run, faults: faults.length }).toEqual({ run: [], faults: 1 });
  });

  test('it has commands in sh blocks and in inline code', () => {
    const text =
      block('', 'sh', '# first\nnpm ci && npm start   # listens\nA_B=1 .ci/run') +
      '`X=1 npm test`, `X=1`, `node`, `.ci/hurl`\n';
    expect(readDocument(text).mentioned).toEqual(['npm ci', 'npm start', 'A_B=1 .ci/run', 'X=1 npm test', '.ci/hurl']);
  });
});

test.each([
  ['npm run repair', 'npm run --silent repair -- --yes', true],
  ['npm run repair -- --yes', 'npm run --silent repair', false],
  ['N=1000000 npx vitest run --project e2e', 'N=300 npx vitest run --project e2e test/e2e/a.test.ts', true],
  ['N=1000000 npx vitest run --project e2e', 'M=300 npx vitest run --project e2e', false],
  ['npm run token -- --scope … --expires 15m|12h', 'T=$(npm run --silent token -- --scope "a b" --expires 12h)', true],
  ['npm run token -- --scope … --expires 15m|12h', 'npm run token -- --scope a --expires 1h', false],
  ['npm run jepsen -- --nemesis NAME', 'npm run jepsen -- --nemesis split', true],
  ['docker compose up --build', 'docker compose up --no-build', false],
])('%s, shown by %s: %s', (command, line, shown) => {
  expect(isPartOf(command, line)).toBe(shown);
});
