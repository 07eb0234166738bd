/** Where the process listens for the commands of whoever may use its data directory. */
import { join, relative } from 'node:path';

/** What the address of a Unix socket has room for, on every system. */
const LENGTH_MAX = 100;

/** @returns undefined when the path is too long for a socket. */
export const controlSocketPath = (dataDir: string): string | undefined => {
  const path = join(dataDir, 'control.sock');
  return [path, relative(process.cwd(), path)].find((candidate) => Buffer.byteLength(candidate) <= LENGTH_MAX);
};
