/** The names of everything the service keeps in Redis; operators read and preload them, so they never change. */
import type { SequenceName } from '../../core/sequence-name.ts';

/** Hash: prefix key → config as JSON with snake_case names. */
export const PREFIX_CONFIGS_KEY = 'prefix_configs';

/** Channel: a message is the prefix key whose config was changed. */
export const PREFIX_CONFIGS_CHANNEL = 'prefix_configs:changed';

/** Channel: a message is the key of a counter whose recovery has begun, so that every node reports at once. */
export const SEQUENCES_RECOVERING_CHANNEL = 'sequences:recovering';

/** Hash: temporary number → what is known of it as JSON. */
export const TEMPORARY_NUMBERS_KEY = 'temporary_numbers';

/** Hash: id of an API key → what is kept of it as JSON, its SHA-256 among it. */
export const API_KEYS_KEY = 'api_keys';

/** Hash: `worker:<data centre>:<worker id>` → who leases it, until when, and up to which time it was used. */
export const WORKERS_KEY = 'workers';

/** The keys of one sequence; the braces keep all of them in the same cluster slot. */
export interface SequenceKeys {
  /** String: the last value taken in order. */
  readonly counter: string;
  /** Hash: what the engine needs beside the value; see `lua/reserve.lua`. */
  readonly state: string;
  /** Hash: the gap record. */
  readonly gaps: string;
}

export const sequenceKeys = ({ prefixKey, period }: SequenceName): SequenceKeys => {
  const base = `{sequence:${prefixKey}}`;
  if (period === '') return { counter: `sequence:${prefixKey}`, state: `${base}:state`, gaps: `${base}:gaps` };
  return { counter: `${base}:${period}`, state: `${base}:${period}:state`, gaps: `${base}:${period}:gaps` };
};

/** String with TTL: a receipt, in the slot of the sequence, so that it is written together with the counter of any period. */
export const receiptKey = (prefixKey: string, hash: string): string => `{sequence:${prefixKey}}:receipt:${hash}`;

/** String with TTL: the request that an idempotency key belongs to, whatever its sequence. */
export const claimKey = (hash: string): string => `idempotency:${hash}`;

/** String with TTL: the requests of a client in his present second, over all nodes. */
export const requestCountKey = (hash: string): string => `rate_limit:${hash}`;

/** The sequence whose counter has this key; undefined when it is none. */
export const sequenceOfKey = (key: string): SequenceName | undefined => {
  const [, whole, prefixKey, period = ''] = /^(?:sequence:(.+)|\{sequence:(.+)\}:(.+))$/.exec(key) ?? [];
  const found = whole ?? prefixKey;
  return found === undefined ? undefined : { prefixKey: found, period };
};
