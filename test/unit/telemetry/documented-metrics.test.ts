/** The table of docs/observability.md lists every metric of the service with its kind, and no other. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createMetrics } from '../../../src/telemetry/metrics/metrics.ts';

const DOCUMENT = readFileSync(new URL('../../../docs/observability.md', import.meta.url), 'utf8');

test('every metric stands in docs/observability.md once, with its kind, and nothing else does', async () => {
  const metrics = createMetrics({ version: '1', node: 'n', store: 'redis', prefixesMax: 1, shutdownTimeoutMs: 1 });
  const text = await metrics.render(true);
  const shown = [...text.matchAll(/^# TYPE (number_generator_\S+) (\S+)$/gm)].map(
    ([, name, kind]) => `${name} ${kind}`,
  );
  const documented = [...DOCUMENT.matchAll(/^\| `(number_generator_\w+)` \| (\w+) \|/gm)];
  expect(documented.map(([, name, kind]) => `${name} ${kind}`).toSorted()).toEqual(shown.toSorted());
});
