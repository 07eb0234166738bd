/** The generated secret: one per file however many processes ask, readable by its owner only. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOrCreateSecret } from '../../../src/lib/secret-file.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'secret-file-'));
  path = join(directory, 'jwt-secret');
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8);

describe('a new secret', () => {
  test('has 256 bits and is the content of the file', () => {
    const secret = readOrCreateSecret(path);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    expect(readFileSync(path, 'utf8')).toBe(`${secret}\n`);
  });

  test('can be read by its owner only, whatever the umask', () => {
    const umask = process.umask(0);
    try {
      readOrCreateSecret(path);
    } finally {
      process.umask(umask);
    }
    expect(modeOf(path)).toBe('600');
  });

  test('brings its directory with it, closed to others', () => {
    const nested = join(directory, 'data', 'deep', 'jwt-secret');
    const secret = readOrCreateSecret(nested);
    expect(readOrCreateSecret(nested)).toBe(secret);
    expect(modeOf(join(directory, 'data', 'deep'))).toBe('700');
  });

  test('is another one for another file', () => {
    expect(readOrCreateSecret(path)).not.toBe(readOrCreateSecret(join(directory, 'other')));
  });

  test('leaves no draft behind', () => {
    readOrCreateSecret(path);
    expect(readdirSync(directory)).toEqual(['jwt-secret']);
  });
});

describe('a secret that is there', () => {
  test('is read again, the same each time', () => {
    const secret = readOrCreateSecret(path);
    expect([readOrCreateSecret(path), readOrCreateSecret(path)]).toEqual([secret, secret]);
  });

  test('is taken as the operator wrote it, without the line end, and the file is left alone', () => {
    const secret = 'a secret of the operator, 32 long';
    writeFileSync(path, `${secret}\r\n`, { mode: 0o400 });
    expect(readOrCreateSecret(path)).toBe(secret);
    expect(readFileSync(path, 'utf8')).toBe(`${secret}\r\n`);
    expect(modeOf(path)).toBe('400');
    chmodSync(path, 0o600);
  });
});

describe('a file that is no secret', () => {
  test.each(['', '\n', '  \t\r\n', 'x'.repeat(31)])(
    '%j is refused with what to do about it, and not overwritten',
    (text) => {
      writeFileSync(path, text);
      expect(() => readOrCreateSecret(path)).toThrow(`The secret file ${path} has fewer than 32 characters. Remove it`);
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  test('a directory in its place is an error', () => {
    mkdirSync(path);
    expect(() => readOrCreateSecret(path)).toThrow('EISDIR');
  });

  test('a file in place of its directory is an error', () => {
    writeFileSync(join(directory, 'data'), '');
    expect(() => readOrCreateSecret(join(directory, 'data', 'jwt-secret'))).toThrow('ENOTDIR');
  });

  test('a link to nowhere is an error, and leaves no draft behind', () => {
    symlinkSync(join(directory, 'nowhere'), path);
    expect(() => readOrCreateSecret(path)).toThrow('EEXIST');
    expect(readdirSync(directory)).toEqual(['jwt-secret']);
    expect(existsSync(join(directory, 'nowhere'))).toBe(false);
  });
});

describe('several processes that start together', () => {
  const PROCESS_COUNT = 4;
  const FILE_COUNT = 200;

  // Each waits for a line on its standard input, so that all run at the same time; many files make many races.
  const program = `
    import { join } from 'node:path';
    import { readOrCreateSecret } from ${JSON.stringify(new URL('../../../src/lib/secret-file.ts', import.meta.url).href)};
    process.stdin.once('data', () => {
      const secrets = [];
      for (let file = 0; file < ${FILE_COUNT}; file += 1) {
        secrets.push(readOrCreateSecret(join(process.argv[1], 'data-' + file, 'jwt-secret')));
      }
      process.stdout.write(JSON.stringify(secrets) + '\\n');
      process.stdin.destroy();
    });
    process.stdout.write('ready\\n');
  `;

  test('have one secret', async () => {
    const children = Array.from({ length: PROCESS_COUNT }, () =>
      spawn(process.execPath, ['--input-type=module', '--eval', program, directory], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const outputs = children.map((child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    const ends = children.map((child) => once(child, 'exit'));
    for (const output of outputs) expect((await output.next()).value).toBe('ready');
    for (const child of children) child.stdin.write('go\n');
    const secrets = await Promise.all(
      outputs.map(async (output): Promise<string[]> => JSON.parse(String((await output.next()).value))),
    );
    expect((await Promise.all(ends)).map(([code]) => code)).toEqual(Array(PROCESS_COUNT).fill(0));
    expect(new Set(secrets[0]).size).toBe(FILE_COUNT);
    for (const own of secrets) expect(own).toEqual(secrets[0]);
    for (let file = 0; file < FILE_COUNT; file += 1) {
      expect(readdirSync(join(directory, `data-${file}`))).toEqual(['jwt-secret']);
      expect(readFileSync(join(directory, `data-${file}`, 'jwt-secret'), 'utf8')).toBe(`${secrets[0]?.[file]}\n`);
    }
  });
});
