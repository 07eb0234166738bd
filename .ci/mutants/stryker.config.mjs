/** Changes the room or file MUTATE of src one place at a time, and asks whether a test notices: .ci/long mutants. */
import { fileURLToPath } from 'node:url';

const { MUTATE = '' } = process.env;

export default {
  testRunner: 'vitest',
  vitest: { configFile: '.ci/mutants/vitest.config.mjs', related: false },
  plugins: ['@stryker-mutator/vitest-runner', fileURLToPath(new URL('only-words.mjs', import.meta.url))],
  ignorers: ['only-words'],
  mutate: [MUTATE.endsWith('.ts') ? `src/${MUTATE}` : `src/${MUTATE}/*.ts`],
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // Only what the tests of the pure rules read is copied.
  ignorePatterns: ['**', '!{src,test,.ci}/**/*', '!package.json'],
  // It would rewrite one by the compiler's API, which TypeScript 7 has not.
  tsconfigFile: 'none',
  tempDirName: 'reports/mutants/sandboxes',
  reporters: ['clear-text', 'json', 'html'],
  clearTextReporter: { allowColor: false, allowEmojis: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `reports/mutants/${MUTATE}.json` },
  htmlReporter: { fileName: `reports/mutants/${MUTATE}.html` },
  allowConsoleColors: false,
};
