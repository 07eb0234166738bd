/** The documents show the kinds of objects that an overlay of k8s/ has, as kustomize builds it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, DOCUMENTS } from '../support/documented-commands.ts';
import { renderOverlay } from '../support/kubernetes.ts';

const ROOT = join(import.meta.dirname, '../..');
const COMMAND = /^kubectl kustomize (k8s\/\S+) \| grep '\^kind:' \| sort \| uniq -c$/;

const shown = DOCUMENTS.flatMap(({ path, text }) =>
  blocksOf(text)
    .filter(({ runBy }) => runBy === 'documented-overlays')
    .map(({ commands, printed }) => ({ path, commands, printed })),
);

test('a document shows what the overlay for production has', () => {
  expect(shown.map(({ path }) => path)).toContain('docs/guides/run-on-kubernetes.md');
});

test.each(shown)('$path shows the kinds of its overlay', async ({ commands, printed }) => {
  expect(commands).toHaveLength(1);
  const [, directory] = COMMAND.exec(commands[0] ?? '') ?? [];
  expect(directory).toBeDefined();
  const { manifests } = await renderOverlay(join(ROOT, directory ?? ''));
  const counts = Map.groupBy(manifests, ({ kind }) => kind);
  const lines = [...counts].map(([kind, same]) => `${String(same.length).padStart(7)} kind: ${kind}`);
  expect(printed).toEqual(lines.toSorted((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1)));
});
