/** Where PostgreSQL's programs are, installed when they are missing, and the user they run as: PostgreSQL refuses root. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findOnPath } from './redis.ts';

const run = promisify(execFile);

const POSTGRES_MAJOR_MIN = 13;
const INSTALL_TIMEOUT_MS = 300_000;
const DEBIAN_DIR = '/usr/lib/postgresql';
const HOW_TO_GET_POSTGRES =
  `Tests need PostgreSQL ${POSTGRES_MAJOR_MIN} or newer: install its server (Debian, Ubuntu: apt-get install postgresql; ` +
  'macOS: brew install postgresql). TEST_DATABASE_URL or a Docker engine serves most tests, but not those that kill a ' +
  'server of their own.';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** What stands before each command: empty, or what gives root's privileges up. */
  readonly asUser: readonly string[];
  /** The user that must own the data; undefined for the one that runs the tests. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** The newest version in Debian's place, where the PATH does not lead, else whatever is on the PATH. */
const findDir = (): string | undefined => {
  const versions = existsSync(DEBIAN_DIR) ? readdirSync(DEBIAN_DIR).toSorted((a, b) => Number(b) - Number(a)) : [];
  const dirs = versions.map((version) => join(DEBIAN_DIR, version, 'bin'));
  const onPath = findOnPath('initdb');
  if (onPath !== undefined) dirs.push(dirname(onPath));
  return dirs.find((dir) => existsSync(join(dir, 'initdb')) && existsSync(join(dir, 'postgres')));
};

/** RUNLEVEL=1 keeps Debian from starting the packaged cluster on port 5432. */
const installByApt = async (): Promise<void> => {
  const apt = findOnPath('apt-get');
  if (apt === undefined) throw new Error(HOW_TO_GET_POSTGRES);
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [command = 'env', ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'RUNLEVEL=1', apt];
  const lock = ['-o', 'DPkg::Lock::Timeout=240'];
  try {
    await run(command, [...args, ...lock, 'update'], { timeout: INSTALL_TIMEOUT_MS });
    await run(command, [...args, ...lock, 'install', '-y', 'postgresql'], { timeout: INSTALL_TIMEOUT_MS });
  } catch (cause) {
    throw new Error(`apt-get could not install postgresql. ${HOW_TO_GET_POSTGRES}`, { cause });
  }
};

const idOf = async (option: '-u' | '-g', user: string): Promise<number> =>
  Number((await run('id', [option, user])).stdout.trim());

/** For root: the user of Debian's package, or the one that owns nothing. */
const findOwner = async (): Promise<{ uid: number; gid: number }> => {
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: await idOf('-u', user), gid: await idOf('-g', user) };
    } catch {
      // No such user here.
    }
  }
  throw new Error('PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as.');
};

const obtain = async (): Promise<PostgresBinaries> => {
  if (findDir() === undefined) await installByApt();
  const dir = findDir();
  if (dir === undefined) throw new Error(HOW_TO_GET_POSTGRES);
  const { stdout } = await run(join(dir, 'postgres'), ['--version']);
  if (!(Number(/ (\d+)/.exec(stdout)?.[1]) >= POSTGRES_MAJOR_MIN)) {
    throw new Error(`${dir} is too old (${stdout.trim()}). ${HOW_TO_GET_POSTGRES}`);
  }
  const programs = { initdb: join(dir, 'initdb'), postgres: join(dir, 'postgres') };
  if (process.getuid?.() !== 0) return { ...programs, asUser: [], owner: undefined };
  const owner = await findOwner();
  // setpriv becomes the program it starts: no process in between that would have to pass signals on.
  const asUser = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  return { ...programs, asUser, owner };
};

let binaries: Promise<PostgresBinaries> | undefined;

/** @throws an Error that says what to do when there is no PostgreSQL, and none can be installed. */
export const postgresBinaries = (): Promise<PostgresBinaries> => {
  binaries ??= obtain();
  return binaries;
};
