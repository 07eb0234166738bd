/** The test projects, one per folder of test/, and the coverage that src/ must reach. */
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/**
 * How long a test may take where CI's two cores are shared with everything else: wide, for a limit only has to end what
 * would never end. What must be fast is measured by the test that says so.
 */
interface Limits {
  readonly testTimeout: number;
  readonly hookTimeout: number;
}

const project = (name: string, limits: Limits, globalSetup: string[] = []): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include: [`test/${name}/**/*.test.ts`], globalSetup, ...limits, sequence: { groupOrder: 1 } },
});

/**
 * Before the others, a file for each processor at a time. By itself Vitest leaves one processor out, which on CI's two is
 * one file after the other. The rest measures real time against real servers and keeps to that.
 */
const parallel = (...args: Parameters<typeof project>): TestProjectInlineConfiguration => {
  const { test, ...rest } = project(...args);
  return { ...rest, test: { ...test, maxWorkers: '100%', sequence: { groupOrder: 0 } } };
};

/** Alerts fire for real causes under a real Prometheus, one after the other: `npm run test:monitoring`, not part of `npm test`. */
const monitoring: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'monitoring',
    include: ['test/monitoring/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
};

/** Real outages take minutes, and each needs the machine for itself: `npm run test:faults`, not part of `npm test`. */
const faults: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
};

/** Thousands of lives take the machine for minutes, and coverage would double that: `npm run test:lives`, not part of `npm test`. */
const lives: TestProjectInlineConfiguration = {
  extends: true,
  test: {
    name: 'lives',
    include: ['test/lives/**/*.test.ts'],
    // One more than processors: those that wait for a server leave theirs to the others. With more, nodes would answer each other late.
    maxWorkers: 3,
    sequence: { groupOrder: 2 },
    testTimeout: 14_400_000,
    hookTimeout: 120_000,
  },
};

const NEEDS_STORES = ['test/support/redis-global-setup.ts', 'test/support/postgres-global-setup.ts'];

export default defineConfig({
  test: {
    projects: [
      parallel('unit', { testTimeout: 60_000, hookTimeout: 60_000 }),
      project('contracts', { testTimeout: 120_000, hookTimeout: 120_000 }, NEEDS_STORES),
      // Thousands of histories; the long run sets MODEL_HISTORIES.
      parallel('model', { testTimeout: 7_200_000, hookTimeout: 60_000 }),
      project('integration', { testTimeout: 120_000, hookTimeout: 120_000 }, NEEDS_STORES),
      project('e2e', { testTimeout: 300_000, hookTimeout: 120_000 }, NEEDS_STORES),
      // What these check is not in src/, so they count for no coverage: `npm run test:deployment`.
      project('deployment', { testTimeout: 120_000, hookTimeout: 600_000 }),
      // Needs a Docker engine and the image: `npm run test:docker`.
      project('docker', { testTimeout: 240_000, hookTimeout: 300_000 }),
      monitoring,
      lives,
      faults,
    ],
    // Node imports the tests and the sources as it does in production (type stripping, no bundler in between), so that the
    // coverage of tests in this process and of services in processes of their own adds up exactly. There is no vi.mock.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // A test without an expectation cannot fail, and one left on `.only` hides the others.
    // What is polled for comes when it comes: the default second is too short for a busy machine.
    expect: { requireAssertions: true, poll: { timeout: 30_000, interval: 20 } },
    allowOnly: false,
    passWithNoTests: false,
    restoreMocks: true,
    unstubEnvs: true,
    teardownTimeout: 10_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // The end-to-end tests run src/main.ts as a process of its own; what it covers counts too.
      autoAttachSubprocess: true,
      reporter: ['text', 'html', 'json-summary'],
      thresholds: { lines: 95, branches: 90, functions: 95, statements: 95 },
    },
  },
});
