/** A generated secret kept in a file that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { closeFiles } from './private-files.ts';

const SECRET_BYTES = 32;
const SECRET_LENGTH_MIN = 32;

const readIfThere = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
};

/**
 * Reads the secret, or makes one of 256 bits. Two processes that start together end up with the same secret.
 * @throws Error when the file is too short or cannot be read or written.
 */
export const readOrCreateSecret = (path: string): string => {
  const existing = readIfThere(path);
  if (existing !== undefined && existing.length < SECRET_LENGTH_MIN) {
    throw new Error(
      `The secret file ${path} has fewer than ${SECRET_LENGTH_MIN} characters. Remove it to have a new one made.`,
    );
  }
  if (existing !== undefined) {
    closeFiles(path);
    return existing;
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${secret}\n`, { mode: 0o600, flag: 'wx' });
  try {
    // Linking fails when the name is taken: the file appears whole or not at all, and the first one wins.
    linkSync(draft, path);
    return secret;
  } catch (error) {
    const winner = readIfThere(path);
    if (winner === undefined) throw error;
    return winner;
  } finally {
    rmSync(draft);
  }
};
