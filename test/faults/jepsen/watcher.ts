/** Looks at Redis all the time: values given back are handed out late, and so are no sign of disorder. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { keysOfSequence } from './final-state.ts';

const EVERY_MS = 150;
/** A reply may be on its way to its client since. */
const LATE_MS = 300;

/** @returns a function that ends it. */
export const startWatcher = ({ redis, journal }: Cluster): (() => Promise<void>) => {
  const since = new Map<string, number>();
  const lastEmpty = new Map<string, number>();
  let ended = false;

  const close = (sequence: string): void => {
    const fromMs = since.get(sequence);
    if (fromMs === undefined) return;
    since.delete(sequence);
    journal.givenBack({ sequence, fromMs, toMs: performance.now() + LATE_MS });
  };
  const look = async (sequence: string): Promise<void> => {
    const beforeMs = performance.now();
    const [prefixKey = '', period = ''] = sequence.split(':');
    // An unknown state counts as a full one.
    const free = await redis.master.client.hget(keysOfSequence(prefixKey, period).state, 'free').catch(() => '?');
    if (free !== null && free !== '') {
      if (!since.has(sequence)) since.set(sequence, lastEmpty.get(sequence) ?? 0);
      return;
    }
    close(sequence);
    lastEmpty.set(sequence, beforeMs);
  };
  const watch = async (): Promise<void> => {
    while (!ended) {
      for (const sequence of journal.sequences()) await look(sequence);
      await delay(EVERY_MS);
    }
    for (const sequence of [...since.keys()]) close(sequence);
  };
  const watching = watch();
  return async () => {
    ended = true;
    await watching;
  };
};
