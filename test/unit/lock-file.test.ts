/** What docs/security.md says of package-lock.json: whatever is installed on Linux, or runs in production, is held by its hash. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

const { packages } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Entry>>;
};
const installed = Object.entries(packages).filter(([path]) => path !== '');

test('every package that runs in production has a hash', () => {
  const running = installed.filter(([, { dev }]) => dev !== true);
  expect(running.length).toBeGreaterThan(50);
  expect(running.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
});

test('the only ones without are binaries of development tools for machines that CI does not run on', () => {
  const without = installed.filter(([, { integrity }]) => integrity === undefined);
  for (const [path, { dev, optional, version, os = [], cpu = [], libc = ['glibc'] }] of without) {
    const isOurs = os.includes('linux') && cpu.includes('x64') && libc.includes('glibc');
    expect({ path, dev, optional, isOurs }).toEqual({ path, dev: true, optional: true, isOurs: false });
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
  }
});
