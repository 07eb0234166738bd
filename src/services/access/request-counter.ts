/**
 * Counts the requests of each client in a second, on this node and, as far as nodes share their counts, on all of them.
 */

import type { RequestCountStore } from '../../core/access/request-count-store.ts';
import { putBounded } from '../../core/bounded-map.ts';
import type { Emit } from '../../core/events/events.ts';

export interface RequestCounter {
  /**
   * Counts a request. @returns how many there were in the client's present second, including this one, and the rest of
   * that second, ms.
   */
  count(client: string): { readonly current: number; readonly ttl: number };
  close(): Promise<void>;
}

const WINDOW_MS = 1_000;
/** How often nodes share their counts. A client that calls all nodes at once may use this part of its limit on each. */
const SHARE_MS = 100;
const CLIENTS_MAX = 10_000;
const SHARED_AT_ONCE_MAX = 1_000;

interface Window {
  endsMs: number;
  /** Of all nodes, by the last reply of the store. */
  shared: number;
  /** Of this node, which the store does not know yet. */
  own: number;
}

interface Told {
  readonly name: string;
  readonly count: number;
  readonly window: Window;
}

interface Dependencies {
  readonly store: RequestCountStore;
  /** ms since any moment; never set back. */
  readonly monotonic: () => number;
  readonly emit: Emit;
}

/** No request waits for the store: while it is away each node counts its own requests only. */
export const createRequestCounter = ({ store, monotonic, emit }: Dependencies): RequestCounter => {
  const windows = new Map<string, Window>();
  let sharing: Promise<void> | undefined;
  let failed = false;

  const open = (client: string, nowMs: number): Window => {
    const window = { endsMs: nowMs + WINDOW_MS, shared: 0, own: 0 };
    putBounded(windows, client, window, CLIENTS_MAX);
    return window;
  };

  const tell = async (some: readonly Told[]): Promise<void> => {
    const counts = await store.add(some);
    const heardMs = monotonic();
    some.forEach(({ name, count, window }, index) => {
      const known = counts[index];
      // A window that ended meanwhile has gone.
      if (known === undefined || windows.get(name) !== window) return;
      window.own -= count;
      window.shared = known.total;
      window.endsMs = heardMs + known.leftMs;
    });
  };

  const share = async (): Promise<void> => {
    const nowMs = monotonic();
    const told: Told[] = [];
    for (const [name, window] of windows) {
      if (window.endsMs <= nowMs) windows.delete(name);
      else if (window.own > 0) told.push({ name, count: window.own, window });
    }
    try {
      for (let from = 0; from < told.length; from += SHARED_AT_ONCE_MAX) {
        await tell(told.slice(from, from + SHARED_AT_ONCE_MAX));
        failed = false;
      }
    } catch (error) {
      if (!failed) emit({ type: 'request-counts-not-shared', error });
      failed = true;
    }
  };

  const timer = setInterval(() => {
    sharing ??= share().finally(() => {
      sharing = undefined;
    });
  }, SHARE_MS);
  timer.unref();

  return {
    count: (client) => {
      const nowMs = monotonic();
      const known = windows.get(client);
      const window = known === undefined || known.endsMs <= nowMs ? open(client, nowMs) : known;
      window.own += 1;
      return { current: window.shared + window.own, ttl: window.endsMs - nowMs };
    },
    close: async () => {
      clearInterval(timer);
      await sharing;
    },
  };
};
