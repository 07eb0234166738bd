/** Each link of README, docs and alerts leads to a file that is there, and to a heading in it. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { DOCUMENTS } from '../support/documented-commands.ts';

const ROOT = join(import.meta.dirname, '../..');

/** As GitHub names them. */
const anchorsOf = (text: string): ReadonlySet<string> => {
  const seen = new Map<string, number>();
  const headings = text.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) => {
      const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const anchor = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
      const times = seen.get(anchor) ?? 0;
      seen.set(anchor, times + 1);
      return times === 0 ? anchor : `${anchor}-${times}`;
    }),
  );
};

/** Links of a document that lead nowhere. */
const deadLinksOf = (path: string, text: string): string[] => {
  const prose = text.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '');
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => {
    if (/^https?:/.test(target)) return false;
    const [file = '', anchor] = target.split('#');
    const goal = file === '' ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, goal))) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(join(ROOT, goal), 'utf8')).has(anchor);
  });
};

test.each(DOCUMENTS)('$path: each link leads somewhere', ({ path, text }) => {
  expect(deadLinksOf(path, text)).toEqual([]);
});

test('a link to a file or a heading that is not there is found', () => {
  const text = '# A heading\n[a](#a-heading) [b](#b) [c](development.md) [d](no-such-file.md) `[e](f)`';
  expect(deadLinksOf('docs/development.md', text)).toEqual(['#a-heading', '#b', 'no-such-file.md']);
});

/** What code, tests, alerts and manifests say of a document. */
const mentionsIn = (path: string): { path: string; target: string }[] =>
  [...readFileSync(join(ROOT, path), 'utf8').matchAll(/\bdocs\/[\w/-]+\.md(?:#[\w-]+)?/g)].map(([target]) => ({
    path,
    target,
  }));

test('each document that code, alerts and manifests mention is there, with the heading', () => {
  const mentions = globSync('{src,test,bench,k8s,monitoring,hurl,.ci}/**/*.{ts,lua,sql,yml,yaml,hurl,mjs}', {
    cwd: ROOT,
  })
    .concat('Dockerfile', 'docker-compose.yml', '.ci/run', '.ci/long')
    // It says what leads nowhere.
    .filter((path) => path !== 'test/unit/documented-links.test.ts')
    .flatMap(mentionsIn);
  expect(mentions.length).toBeGreaterThan(40);
  expect(mentions.filter(({ target }) => deadLinksOf('README.md', `[a](${target})`).length > 0)).toEqual([]);
});
