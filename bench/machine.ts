/** Measures on the machine: where processes run, and what they cost. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { findOnPath } from '../test/support/redis.ts';

/** The server has a core of its own; the clients and the stores share the others. */
export interface Placement {
  readonly serverCpu: string;
  readonly othersCpus: string;
}

/** @returns undefined where processes cannot be pinned, or there is one core only. */
export const findPlacement = (): Placement | undefined => {
  const cores = availableParallelism();
  if (cores < 2 || findOnPath('taskset') === undefined) return undefined;
  return { serverCpu: '0', othersCpus: `1-${cores - 1}` };
};

/** Moves this process, and so all that it starts later, to the cores of the clients. */
export const moveAside = ({ othersCpus }: Placement): void => {
  execFileSync('taskset', ['-acp', othersCpus, String(process.pid)], { stdio: 'ignore' });
};

/** CPU time of processes so far, µs; undefined where /proc lacks it. */
export const readCpuUs = (pids: readonly number[]): number | undefined => {
  try {
    let total = 0;
    for (const pid of pids) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      }
    }
    return total / 1_000;
  } catch {
    return undefined;
  }
};

/** Resident memory, MB; undefined where /proc lacks it. */
export const readMemoryMb = (pid: number): number | undefined => {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kilobytes === undefined ? undefined : Number(kilobytes) / 1_024;
  } catch {
    return undefined;
  }
};

export interface MachineReading {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Processes that wanted a core in the last minute: above a few, others were at work and absolute figures say little. */
  readonly loadBefore: number;
  readonly pinned: boolean;
  readonly date: string;
}

export const readMachine = (placement: Placement | undefined): MachineReading => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()}`,
  node: process.version,
  loadBefore: loadavg()[0] ?? 0,
  pinned: placement !== undefined,
  date: new Date().toISOString(),
});
