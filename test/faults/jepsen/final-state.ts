/** Reads what Redis holds of every sequence, and what the service lists as gaps. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readHeldRanges } from '../stored-sequence.ts';
import { POLL_MS } from '../until.ts';
import { type Cluster, ServiceFailure } from './cluster.ts';
import { type FinalSequence, type Prefix, type StoredGap, sequenceName } from './evidence.ts';

interface GapPage {
  readonly items: readonly { first: string; last: string; reason: string; node: string | null; recordedAt: string }[];
  readonly nextCursor: string | null;
}

/** Node names are fields of their own, and tell little. */
const NODE_FIELD = /^n:/;
const LIST_MS = 10_000;

export const keysOfSequence = (prefixKey: string, period: string) => {
  const base = period === '' ? `{sequence:${prefixKey}}` : `{sequence:${prefixKey}}:${period}`;
  return { counter: period === '' ? `sequence:${prefixKey}` : base, state: `${base}:state`, gaps: `${base}:gaps` };
};

const readStoredGaps = async (redis: Redis, key: string, originMs: number): Promise<StoredGap[]> =>
  Object.entries(await redis.hgetall(key)).map(([first, entry]) => {
    const [last, reason = '', holder = '-', seconds] = entry.split(' ');
    return {
      first: Number(first),
      last: Number(last),
      reason,
      holder: holder.split('@')[0] ?? '-',
      atMs: Number(seconds) * 1_000 - originMs,
    };
  });

/** A node that has only just started may not have reached its stores yet. */
const fetchPage = async (url: string): Promise<GapPage> => {
  let last = '';
  for (const endMs = performance.now() + LIST_MS; performance.now() < endMs; await delay(POLL_MS)) {
    const reply = await fetch(url);
    if (reply.status === 200) return (await reply.json()) as GapPage;
    last = `${reply.status} ${await reply.text()}`;
  }
  throw new ServiceFailure(`The gap record cannot be read: ${last}`);
};

/** All pages. */
const listGaps = async (url: string, prefixKey: string, originMs: number): Promise<StoredGap[]> => {
  const gaps: StoredGap[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await fetchPage(`${url}/api/sequences/${prefixKey}/gaps?limit=1000${query}`);
    for (const { first, last, reason, node, recordedAt } of page.items) {
      const atMs = Date.parse(recordedAt) - originMs;
      gaps.push({ first: Number(first), last: Number(last), reason, holder: node ?? '-', atMs });
    }
    cursor = page.nextCursor;
  }
  return gaps;
};

const sizeOf = (gaps: readonly StoredGap[]): number => gaps.reduce((sum, { first, last }) => sum + last - first + 1, 0);

interface Reading {
  readonly cluster: Cluster;
  readonly originMs: number;
  /** A node to ask for gaps; undefined: only Redis is read. */
  readonly url: string | undefined;
}

/** A service that cannot list its gaps is a finding; the account goes on with what Redis holds. */
const note =
  ({ journal }: Cluster, instead: StoredGap[]) =>
  (error: unknown): StoredGap[] => {
    if (!(error instanceof ServiceFailure)) throw error;
    journal.remark('finding', error.message);
    return instead;
  };

const readSequence = async (
  { cluster, originMs, url }: Reading,
  { prefixKey, initialSeq }: Prefix,
  period: string,
  isCurrent: boolean,
): Promise<FinalSequence> => {
  const redis = cluster.redis.master.client;
  const keys = keysOfSequence(prefixKey, period);
  const [counter, state] = [await redis.get(keys.counter), await redis.hgetall(keys.state)];
  const inRedis = await readStoredGaps(redis, keys.gaps, originMs);
  const listed =
    url !== undefined && isCurrent ? await listGaps(url, prefixKey, originMs).catch(note(cluster, inRedis)) : inRedis;
  if (sizeOf(listed) !== sizeOf(inRedis)) {
    const text = `The service lists ${sizeOf(listed)} missing values of ${prefixKey}, Redis holds ${sizeOf(inRedis)}.`;
    cluster.journal.remark('note', text);
  }
  return {
    sequence: sequenceName(prefixKey, period),
    prefixKey,
    initialSeq,
    counter: Number(counter ?? 0),
    ...readHeldRanges(state),
    gaps: listed,
    raw: Object.fromEntries(Object.entries(state).filter(([field]) => !NODE_FIELD.test(field))),
  };
};

/** The sequences that clients have seen, and those of the prefixes that they have not. */
export const readFinalState = async (reading: Reading): Promise<FinalSequence[]> => {
  const { cluster } = reading;
  const states: FinalSequence[] = [];
  for (const prefix of cluster.build.prefixes) {
    const names = cluster.journal.sequences().filter((name) => name.split(':')[0] === prefix.prefixKey);
    const periods = names.map((name) => name.split(':')[1] ?? '').toSorted();
    for (const period of periods) states.push(await readSequence(reading, prefix, period, period === periods.at(-1)));
  }
  return states;
};
