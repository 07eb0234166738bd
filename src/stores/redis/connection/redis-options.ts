/** How every connection to Redis behaves: never a command sent twice, never one waiting for a connection that is not there. */
import type { RedisOptions } from 'ioredis';
import type { RedisAddress, RedisTarget } from '../../../lib/redis-target.ts';

const RECONNECT_DELAY_MAX_MS = 1_000;
/** How long a connection may take to close cleanly before its socket is destroyed. */
const DISCONNECT_TIMEOUT_MS = 200;
/** The command's own timeout must win against the socket's, or it would be reported as a lost connection. */
const SOCKET_TIMEOUT_MARGIN_MS = 5;
/** The pause between two rounds of asking all sentinels; it also bounds how long a close takes. */
const SENTINEL_ROUND_MAX_MS = 200;

const backOff =
  (maxMs: number) =>
  (attempt: number): number =>
    Math.min(25 * 2 ** Math.min(attempt, 10), maxMs);

/** @param timeoutMs how long a command may take; a socket that stays silent longer is destroyed. */
export const connectionOptions = (timeoutMs: number) =>
  ({
    commandTimeout: timeoutMs,
    socketTimeout: timeoutMs + SOCKET_TIMEOUT_MARGIN_MS,
    connectTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    // A lost reply leaves the outcome unknown: a command sent again by the client library would take values twice.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // While there is no connection, fail at once instead of queueing.
    enableOfflineQueue: false,
    autoResubscribe: false,
    // Integers near 2^53 are decoded off by one by ioredis 6.0.0; strings are exact.
    stringNumbers: true,
    retryStrategy: backOff(RECONNECT_DELAY_MAX_MS),
  }) satisfies RedisOptions;

/** User, password and TLS of the servers themselves. */
export const accessOptions = ({ username, password, tls }: RedisAddress) =>
  ({
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  }) satisfies RedisOptions;

/** The connection to whatever server the sentinels name as the master. */
export const sentinelOptions = (target: Extract<RedisTarget, { mode: 'sentinel' }>, timeoutMs: number) => {
  const { address, master, sentinelUsername, sentinelPassword } = target;
  return {
    ...accessOptions(address),
    ...(address.tls && { sentinelTLS: {}, enableTLSForSentinelMode: true }),
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    db: address.database,
    sentinels: address.hosts.map(({ host, port }) => ({ host, port })),
    name: master,
    // The role that a server gives itself is compared with it before the connection counts as ready.
    role: 'master' as const,
    // A master that hangs is left as soon as the sentinels have named another one.
    failoverDetector: true,
    // One that was demoted says so with the first write, which it does not execute; 1: leave it, and do not send again.
    reconnectOnError: (error: Error): false | 1 => (error.message.startsWith('READONLY') ? 1 : false),
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: backOff(SENTINEL_ROUND_MAX_MS),
    sentinelReconnectStrategy: backOff(RECONNECT_DELAY_MAX_MS),
  } satisfies RedisOptions;
};
