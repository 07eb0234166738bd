/** The tests that may notice a mutant: those of the rules, and the fast ones of what is built on them. */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer } from 'vitest/node';

/** Tests of the room first, then those of other rules, then the rest: a mutant is done with when one has noticed it. */
const room = (process.env.MUTATE ?? '').replace(/\/[^/]*\.ts$/, '');
const ORDER = [new RegExp(`/unit/${room}/`), /\/unit\/core\//, /\/contracts\//, /./];
const OF_RULES = [
  'test/unit/{core,allocators,services,access,stores}/**/*.test.ts',
  'test/contracts/{memory,memory-ceiling,sqlite-ledger}-store.test.ts',
];
/** An allocator is changed for what its own tests say of it. Those of a shell have clocks of their own, which wake it between tests. */
const OF_ROOM = [`test/unit/${room}/**/*.test.ts`];
/** Those that try random cases take longest. */
const isRandom = (path) => readFileSync(path, 'utf8').includes("'fast-check'");

class NearestFirst extends BaseSequencer {
  async sort(files) {
    const rankOf = ({ moduleId }) =>
      ORDER.findIndex((pattern) => pattern.test(moduleId)) + (isRandom(moduleId) ? 0.5 : 0);
    const ranks = new Map(files.map((file) => [file, rankOf(file)]));
    return files.toSorted((a, b) => ranks.get(a) - ranks.get(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

export default defineConfig({
  test: {
    include: room.startsWith('allocators/') ? OF_ROOM : OF_RULES,
    // Seconds of real time each, for what other tests say too, or by chance; and one that counts the timers of others where they share a worker.
    exclude: [
      '**/{series-cache-refresh,api-key-cache,node.property,change-check,temporary-number-service,*.scale}.test.ts',
    ],
    setupFiles: ['.ci/mutants/same-cases.mjs'],
    sequence: { sequencer: NearestFirst },
    // One worker for all files of a run, so that what they share is loaded once; a run has a worker of its own.
    isolate: false,
    pool: 'threads',
    // As in vitest.config.ts: Node itself imports sources and tests.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    expect: { requireAssertions: true },
    allowOnly: false,
    testTimeout: 60_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
});
