/** Production starts with no secret that anybody could know or guess: those of this repository first. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../../../src/config/settings.ts';
import { weaknessOf } from '../../../src/config/weak-secret.ts';

const ROOT = join(import.meta.dirname, '../../..');
const start = (secret: string) => () => readSettings({ NODE_ENV: 'production', JWT_SECRET: secret });

/** Every text after a name that ends in `secret` and an equals sign, a colon or a bracket, in every file but those of the tests' own units. */
const secretsOfTheRepository = (): string[] => {
  const files = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  const found = files
    .filter((file) => /\.(ya?ml|md|ts|mjs|js|json|example|env|sh|hurl|conf)$|Dockerfile/.test(file))
    .filter((file) => !file.startsWith('test/unit/config/') && file !== 'package-lock.json')
    .flatMap((file) => [
      ...readFileSync(join(ROOT, file), 'utf8').matchAll(/secret['"]?\s*[=:(,]\s*['"`]?([\w!@#%^&*.+/=-]{32,})/gi),
    ])
    .map(([, secret = '']) => secret);
  return [...new Set(found)];
};

const EXAMPLES = secretsOfTheRepository();

test('the repository has examples, and they are found', () => {
  expect(EXAMPLES).toEqual(
    expect.arrayContaining([
      'replace-me-with-the-output-of-openssl-rand-base64-48',
      'trial-only-0123456789abcdef-trial-only',
      'a-secret-for-tests-of-at-least-32-characters',
    ]),
  );
});

test.each(EXAMPLES)('production refuses the example secret %s of this repository, and says what to do', (secret) => {
  expect(start(secret)).toThrow('JWT_SECRET: Looks like an example');
  expect(start(secret)).toThrow('openssl rand -base64 48');
  expect(start(secret)).not.toThrow(secret);
  expect(() => readSettings({ JWT_SECRET: secret })).not.toThrow();
});

describe('production refuses a secret with hardly any chance in it', () => {
  test.each([
    'a'.repeat(32),
    'a'.repeat(200),
    `${'a'.repeat(31)}b`,
    'ab'.repeat(16),
    'abc'.repeat(11),
    '0123456789'.repeat(4),
    '0123456789abcdef0123456789abcdef',
    'abcdefghijklmnopqrstuvwxyz012345',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789',
    'zyxwvutsrqponmlkjihgfedcba987654321',
    'qwertzuiopasdfghjklyxcvbnm1234567890',
    '1234567890'.repeat(4),
    '12345678901234567890123456789012',
    'k7Gd!k7Gd!k7Gd!k7Gd!k7Gd!k7Gd!k7Gd!',
    'uB4kX2mQvT8rWcZ7uB4kX2mQvT8rWcZ7',
    'deadbeefdeadbeefdeadbeefcafebabe1',
    'Change-Me-please-before-you-go-live-1!',
    'your-256-bit-key-comes-in-this-place',
    'SuperSecretJwtKeyForTheApplication!',
    'passwordpasswordpasswordpassword1',
    ' '.repeat(40),
    '\u{1f511}'.repeat(40),
  ])('%j', (secret) => {
    expect(start(secret)).toThrow('JWT_SECRET: ');
    expect(() => readSettings({ JWT_SECRET: secret })).not.toThrow();
  });
});

test.each(['hex', 'base64', 'base64url'] as const)(
  'no secret of chance is refused: 20,000 of 16 bytes and more, as %s',
  (form) => {
    for (let round = 0; round < 20_000; round += 1) {
      const secret = randomBytes(form === 'hex' ? 16 : 24).toString(form);
      expect(weaknessOf(secret)).toBeUndefined();
    }
  },
);
