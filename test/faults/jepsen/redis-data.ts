/** What can be done to the data directory of a Redis that is down. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../until.ts';
import type { RedisSite } from './redis-pair.ts';

const AOF_DIR = 'appendonlydir';
const BASE = 'appendonly.aof.1.base.rdb';

/** The file that grows with each write. */
const incrementalFile = ({ server }: RedisSite): string => {
  const dir = join(server.dir, AOF_DIR);
  const name = readdirSync(dir)
    .filter((file) => file.includes('.incr.'))
    .sort((a, b) => statSync(join(dir, a)).mtimeMs - statSync(join(dir, b)).mtimeMs)
    .at(-1);
  if (name === undefined) throw new Error(`No incremental append-only file in ${dir}.`);
  return join(dir, name);
};

export interface AofMark {
  readonly file: string;
  readonly bytes: number;
}

export const markAof = (site: RedisSite): AofMark => {
  const file = incrementalFile(site);
  return { file, bytes: statSync(file).size };
};

/** Forgets what was written after the mark, and `more` bytes before it. @returns how many bytes are gone. */
export const cutAof = (site: RedisSite, mark: AofMark, more: number): number => {
  const file = incrementalFile(site);
  const { size } = statSync(file);
  // Rewritten since: a new file, all of which came after the mark.
  const kept = file === mark.file ? Math.max(0, mark.bytes - more) : 0;
  truncateSync(file, kept);
  return size - kept;
};

export const emptyData = ({ server }: RedisSite): void => {
  for (const name of readdirSync(server.dir)) rmSync(join(server.dir, name), { recursive: true });
};

/** Copies a fresh RDB file of a running server. */
export const backUp = async ({ server, client }: RedisSite, file: string): Promise<void> => {
  // Refused while a file for a replica is being written.
  await until('a backup is written', () =>
    client.save().then(
      () => true,
      () => false,
    ),
  );
  copyFileSync(join(server.dir, 'dump.rdb'), file);
};

/** A server with an append-only file reads nothing else: so the RDB file becomes the base of that file. */
export const restoreRdb = (site: RedisSite, file: string): void => {
  emptyData(site);
  const dir = join(site.server.dir, AOF_DIR);
  mkdirSync(dir);
  copyFileSync(file, join(dir, BASE));
  writeFileSync(join(dir, 'appendonly.aof.manifest'), `file ${BASE} seq 1 type b\n`);
};
