/** The worker id under which this node makes snowflake ids: leased, renewed, and not used a moment too long. */
import type { Clock } from '../../core/clock.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import { SEQUENCE_MAX, type SnowflakeMoment } from '../../core/snowflake/snowflake.ts';
import { WORKER_USE_MS, type WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';

export interface HeldWorker {
  readonly worker: number;
  /** The last id made under it. */
  last: SnowflakeMoment;
  /** No id may carry a later time. */
  boundMs: number;
  /** Until when it may be used, by the monotonic clock, ms. */
  usableUntilMs: number;
}

export interface WorkerKeeper {
  /** The worker id that may be used at this moment; undefined: `obtain` one. Ask again after every wait. */
  usable(): HeldWorker | undefined;
  /**
   * Renews the lease, or takes one. @throws StorageUnavailableError, StorageTimeoutError when no lease can be taken.
   */
  obtain(): Promise<void>;
  /** Takes another worker id, because the clock is too far behind what this one has used. @throws like `obtain`. */
  replace(): Promise<void>;
  /** Gives the lease up. */
  close(): Promise<void>;
}

export interface WorkerKeeperOptions {
  readonly leases: WorkerLeaseStore;
  readonly dataCentre: number;
  /** Names this process: fresh at each start. */
  readonly holder: string;
  readonly clock: Clock;
  /** Milliseconds that only ever rise, also while the process is stopped. */
  readonly monotonic: () => number;
  readonly emit: Emit;
}

const RENEW_INTERVAL_MS = 10_000;
/** After a renewal that failed, ms. */
const RETRY_MS = 1_000;
/** Pause after a refusal of the store, ms. */
const PAUSE_MS = 250;

export const createWorkerKeeper = (options: WorkerKeeperOptions): WorkerKeeper => {
  const { leases, dataCentre, holder, clock, monotonic, emit } = options;
  let held: HeldWorker | undefined;
  let working: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let refused: { readonly error: unknown; readonly untilMs: number } | undefined;

  const renewIn = (ms: number): void => {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(renewInTime, ms);
    timer.unref();
  };

  const take = async (): Promise<void> => {
    const before = held;
    const [nowMs, atMs] = [clock.now(), monotonic()];
    const lease = await leases.acquire(dataCentre, holder, nowMs);
    if (lease === undefined) throw new StorageUnavailableError('No snowflake worker id is free at the moment.');
    const { worker, boundMs } = lease;
    // Every earlier holder has stayed below `nowMs`, so that is where this one begins.
    held = { worker, boundMs, usableUntilMs: atMs + WORKER_USE_MS, last: { atMs: nowMs - 1, sequence: SEQUENCE_MAX } };
    emit({ type: 'worker-lease-taken', dataCentre, worker });
    renewIn(RENEW_INTERVAL_MS);
    if (before !== undefined) await leases.release(dataCentre, before.worker, holder, before.last.atMs);
  };

  /** @returns whether it is still ours. */
  const renew = async (worker: HeldWorker): Promise<boolean> => {
    const startMs = monotonic();
    const boundMs = await leases.renew(dataCentre, worker.worker, holder, Math.max(clock.now(), worker.last.atMs));
    if (boundMs === undefined) {
      if (held === worker) held = undefined;
      emit({ type: 'worker-lease-lost', dataCentre, worker: worker.worker });
      return false;
    }
    worker.boundMs = boundMs;
    worker.usableUntilMs = startMs + WORKER_USE_MS;
    renewIn(RENEW_INTERVAL_MS);
    return true;
  };

  /** One call to the store at a time, shared by all who need its outcome. */
  const share = (work: () => Promise<void>): Promise<void> => {
    if (refused !== undefined && monotonic() < refused.untilMs) return Promise.reject(refused.error);
    working ??= work()
      .catch((error: unknown) => {
        refused = { error, untilMs: monotonic() + PAUSE_MS };
        throw error;
      })
      .finally(() => {
        working = undefined;
      });
    return working;
  };

  const obtain = async (): Promise<void> => {
    if (held === undefined || !(await renew(held))) await take();
  };

  const renewInTime = (): void => {
    const worker = held;
    if (worker === undefined) return;
    share(obtain).catch((error: unknown) => {
      emit({ type: 'worker-lease-not-renewed', worker: worker.worker, error });
      renewIn(RETRY_MS);
    });
  };

  return {
    usable: () => (held !== undefined && monotonic() < held.usableUntilMs ? held : undefined),
    obtain: () => share(obtain),
    replace: () => share(take),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await working?.catch(() => undefined);
      const worker = held;
      held = undefined;
      // When the store is away the lease runs out by itself.
      if (worker !== undefined) {
        await leases.release(dataCentre, worker.worker, holder, worker.last.atMs).catch(() => undefined);
      }
    },
  };
};
