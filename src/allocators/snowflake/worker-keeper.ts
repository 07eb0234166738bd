/** The worker id under which this node makes snowflake ids: leased, renewed, and not used a moment too long. */
import type { Clock } from '../../core/clock.ts';
import { StorageUnavailableError } from '../../core/errors.ts';
import type { Emit } from '../../core/events/events.ts';
import type { WorkerLeaseStore } from '../../core/snowflake/worker-lease-store.ts';
import { createSharedRun } from '../shared-run.ts';
import { extendUse, type HeldWorker, holdWorker, isUsable, latestUse } from './held-worker.ts';

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

/** What the calls on the store need, and what they change. */
interface Keeping extends WorkerKeeperOptions {
  held: HeldWorker | undefined;
  /** Called with each lease: it is renewed in time from then on. */
  readonly renewLater: () => void;
}

const take = async (keeping: Keeping): Promise<void> => {
  const { leases, dataCentre, holder, clock, monotonic, emit, renewLater, held: before } = keeping;
  const times = { clockMs: clock.now(), monotonicMs: monotonic() };
  const lease = await leases.acquire(dataCentre, holder, times.clockMs);
  if (lease === undefined) throw new StorageUnavailableError('No snowflake worker id is free at the moment.');
  keeping.held = holdWorker(lease, times);
  emit({ type: 'worker-lease-taken', dataCentre, worker: lease.worker });
  renewLater();
  if (before !== undefined) await leases.release(dataCentre, before.worker, holder, before.last.atMs);
};

/** @returns whether it is still ours. */
const renew = async (keeping: Keeping, held: HeldWorker): Promise<boolean> => {
  const { leases, dataCentre, holder, clock, monotonic, emit, renewLater } = keeping;
  const { worker } = held;
  const monotonicMs = monotonic();
  const boundMs = await leases.renew(dataCentre, worker, holder, latestUse(held, clock.now()));
  if (boundMs === undefined) {
    if (keeping.held === held) keeping.held = undefined;
    emit({ type: 'worker-lease-lost', dataCentre, worker });
    return false;
  }
  extendUse(held, boundMs, monotonicMs);
  renewLater();
  return true;
};

const obtain = async (keeping: Keeping): Promise<void> => {
  if (keeping.held === undefined || !(await renew(keeping, keeping.held))) await take(keeping);
};

export const createWorkerKeeper = (options: WorkerKeeperOptions): WorkerKeeper => {
  const { leases, dataCentre, holder, monotonic, emit } = options;
  const keeping: Keeping = { ...options, held: undefined, renewLater: () => renewIn(RENEW_INTERVAL_MS) };
  const shared = createSharedRun();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let refused: { readonly error: unknown; readonly untilMs: number } | undefined;

  const renewIn = (ms: number): void => {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(renewInTime, ms);
    timer.unref();
  };

  /** One call to the store at a time, shared by all who need its outcome; none just after a refusal. */
  const share = (work: (keeping: Keeping) => Promise<void>): Promise<void> => {
    if (refused !== undefined && monotonic() < refused.untilMs) return Promise.reject(refused.error);
    return shared.run(() =>
      work(keeping).catch((error: unknown) => {
        refused = { error, untilMs: monotonic() + PAUSE_MS };
        throw error;
      }),
    );
  };

  const renewInTime = (): void => {
    const { held } = keeping;
    if (held === undefined) return;
    share(obtain).catch((error: unknown) => {
      emit({ type: 'worker-lease-not-renewed', worker: held.worker, error });
      renewIn(RETRY_MS);
    });
  };

  return {
    usable: () => (keeping.held !== undefined && isUsable(keeping.held, monotonic()) ? keeping.held : undefined),
    obtain: () => share(obtain),
    replace: () => share(take),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await shared.ended();
      const { held } = keeping;
      keeping.held = undefined;
      // When the store is away the lease runs out by itself.
      if (held !== undefined) {
        await leases.release(dataCentre, held.worker, holder, held.last.atMs).catch(() => undefined);
      }
    },
  };
};
