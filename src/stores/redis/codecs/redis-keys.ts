/** The names of everything the service keeps in Redis; operators read and preload them, so they never change. */
import {
  columnsOf,
  readColumns,
  type SequenceId,
  type SeriesId,
  seriesKeyOf,
} from '../../../core/values/sequence-id.ts';

/** The keys of one sequence; the braces keep all of them in the same cluster slot. */
export interface SequenceKeys {
  /** String: the last value taken in order. */
  readonly counter: string;
  /** Hash: what the engine needs beside the value; see `lua/reserve.lua`. */
  readonly state: string;
  /** Hash: the gap record. */
  readonly gaps: string;
}

export interface RedisKeys {
  /** Hash: prefix key → config as JSON with snake_case names. */
  readonly prefixConfigs: string;
  /**
   * Hash: prefix key → what it was before, as JSON, also of removed prefixes. In the slot of the configs, so that both are written in
   * one step; and named like what counts, so that it goes when that goes, and needs no rights beyond those of nodes that know it not.
   */
  readonly prefixHistories: string;
  /** Hash: `generation` → the last change, `<n>:<a random text>`; n modulo 1,000 → that and `:<prefix key>`. In the same slot. */
  readonly prefixChanges: string;
  /** Channel: a message is the prefix key whose config was changed. */
  readonly prefixConfigsChannel: string;
  /** Channel: a message is the key of a counter whose recovery has begun, so that every node reports at once. */
  readonly sequencesRecoveringChannel: string;
  /** What both names end in: the number of the database, where that is not 0. */
  readonly channelSuffix: string;
  /** Hash: temporary number → what is known of it as JSON. */
  readonly temporaryNumbers: string;
  /** Hash: id of an API key → what is kept of it as JSON, its SHA-256 among it. */
  readonly apiKeys: string;
  /** Hash: ids of the API keys that somebody has made → when each ends. In the slot of the keys, and named like what counts, as the histories are. */
  apiKeysOf(name: string): string;
  /** Hash: `worker:<data centre>:<worker id>` → who leases it, until when, and up to which time it was used. */
  readonly workers: string;
  /** Hash: sequence of the ledger in PostgreSQL → how far it has changed; see `lua/raise-marks.lua`. */
  readonly ledgerKnown: string;
  ofSequence(sequence: SequenceId): SequenceKeys;
  /** String with TTL: a receipt, in the slot of the sequence, so that it is written together with the counter of any period. */
  receipt(series: SeriesId, hash: string): string;
  /** String with TTL: the request that an idempotency key belongs to, whatever its sequence. */
  claim(hash: string): string;
  /** String with TTL: what a client has left of the keys it may use with a prefix; named like the keys, so that it needs no rights of its own. */
  keyAllowance(name: string): string;
  /**
   * String with TTL: written to check that the server takes writes. Named like idempotency keys, so that it needs no
   * further rights.
   */
  probe(slot: number): string;
  /** String with TTL: the requests of a client in the present second, over all nodes. */
  requestCount(hash: string): string;
  /** The sequence whose counter has this key; undefined when it is none. */
  sequenceOfCounter(key: string): SequenceId | undefined;
  /** What SCAN finds the states of sequences by. */
  readonly statePattern: string;
  /** The sequence whose state has this key; undefined when it is none. */
  sequenceOfState(key: string): SequenceId | undefined;
  /** Patterns of all keys, as rights (ACL) name them. */
  readonly patterns: readonly string[];
  /** All channels. */
  readonly channels: readonly string[];
}

const found = (prefixKey: string | undefined, period = ''): SequenceId | undefined =>
  prefixKey === undefined ? undefined : readColumns({ prefixKey, period });

/**
 * @param prefix stands before every name, for a Redis that is shared with others; in keys with a hash tag it stands inside the
 * braces, so that a counter stays in the slot of its state. `config/redis-settings.ts` says what it may consist of.
 * @param database stands behind the names of channels, which all databases of a server share; that of database 0 stands nowhere, as in
 * earlier versions.
 */
export const createRedisKeys = (prefix: string, database = 0): RedisKeys => {
  // Neither has a meaning in an expression, but for the dot.
  const counterOf = `${prefix.replaceAll('.', '\\.')}sequence:`;
  const counterKey = new RegExp(`^(?:${counterOf}([^{}]+)|\\{${counterOf}(.+)\\}:(.+))$`);
  const stateKey = new RegExp(`^\\{${counterOf}([^{}]+)\\}(?::(.+))?:state$`);
  const channelSuffix = database === 0 ? '' : `@${database}`;
  const prefixConfigsChannel = `${prefix}prefix_configs:changed${channelSuffix}`;
  const sequencesRecoveringChannel = `${prefix}sequences:recovering${channelSuffix}`;
  const hashes = {
    prefixConfigs: `${prefix}prefix_configs`,
    temporaryNumbers: `${prefix}temporary_numbers`,
    apiKeys: `${prefix}api_keys`,
    workers: `${prefix}workers`,
    ledgerKnown: `{${prefix}ledger}:known`,
  };
  const patterns = ['sequence:*', 'idempotency:*', 'rate_limit:*'].map((pattern) => `${prefix}${pattern}`);
  return {
    ...hashes,
    prefixHistories: `${prefix}sequence:{${hashes.prefixConfigs}}:histories`,
    prefixChanges: `${prefix}sequence:{${hashes.prefixConfigs}}:changes`,
    apiKeysOf: (name) => `${prefix}sequence:{${hashes.apiKeys}}:of:${name}`,
    prefixConfigsChannel,
    sequencesRecoveringChannel,
    channelSuffix,
    ofSequence: (sequence) => {
      const { prefixKey, period } = columnsOf(sequence);
      const base = `{${prefix}sequence:${prefixKey}}`;
      if (period === '') {
        return { counter: `${prefix}sequence:${prefixKey}`, state: `${base}:state`, gaps: `${base}:gaps` };
      }
      return { counter: `${base}:${period}`, state: `${base}:${period}:state`, gaps: `${base}:${period}:gaps` };
    },
    receipt: (series, hash) => `{${prefix}sequence:${seriesKeyOf(series)}}:receipt:${hash}`,
    claim: (hash) => `${prefix}idempotency:${hash}`,
    keyAllowance: (name) => `${prefix}idempotency:quota:${name}`,
    probe: (slot) => `${prefix}idempotency:probe:${slot}`,
    requestCount: (hash) => `${prefix}rate_limit:${hash}`,
    sequenceOfCounter: (key) => {
      const [, whole, tagged, period] = counterKey.exec(key) ?? [];
      return found(whole ?? tagged, period);
    },
    statePattern: `{${prefix}sequence:*:state`,
    sequenceOfState: (key) => {
      const [, prefixKey, period] = stateKey.exec(key) ?? [];
      return found(prefixKey, period);
    },
    patterns: [...patterns, `{${prefix}sequence:*`, ...Object.values(hashes)],
    channels: [prefixConfigsChannel, sequencesRecoveringChannel],
  };
};
