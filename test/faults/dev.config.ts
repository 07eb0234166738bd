import { defineConfig } from 'vitest/config';
export default defineConfig({ root: '/work/three', test: { include: ['test/faults/**/*.test.ts'], fileParallelism: false, testTimeout: 120_000, hookTimeout: 60_000, experimental: { viteModuleRunner: false, nodeLoader: false } } });
