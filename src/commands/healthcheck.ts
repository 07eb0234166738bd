/** The command `healthcheck`: asks the service on this machine, found by the same settings, whether it is ready. */
import { readFileSync } from 'node:fs';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getSecure } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Settings } from '../config/settings.ts';

const TIMEOUT_MS = 2_500;
const ANY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

type Ask = (onReply: (reply: IncomingMessage) => void) => ReturnType<typeof getPlain>;

/**
 * The port without TLS when there is one; otherwise the API's, whose certificate is this node's own and is not
 * verified.
 */
const askBy = ({ host, port, healthPort, tls }: Settings): Ask => {
  const target = { host: ANY_ADDRESS[host] ?? host, path: '/readyz', agent: false, timeout: TIMEOUT_MS };
  if (healthPort !== undefined) return (onReply) => getPlain({ ...target, port: healthPort }, onReply);
  if (tls === undefined) return (onReply) => getPlain({ ...target, port }, onReply);
  const own = tls.clientCaFile !== undefined && { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
  return (onReply) => getSecure({ ...target, port, rejectUnauthorized: false, ...own }, onReply);
};

/** @throws Error with the reason when the service is not ready, or does not answer within 2.5 s. */
export const checkHealth = async (settings: Settings): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const ask = askBy(settings)((reply) => {
    text(reply).then((body) => {
      if (reply.statusCode === 200) resolve();
      else reject(new Error(`Not ready: ${reply.statusCode} ${body}`));
    }, reject);
  });
  ask.on('timeout', () => ask.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)));
  ask.on('error', (error) => {
    const advice = settings.tls?.clientCaFile !== undefined && settings.healthPort === undefined;
    reject(new Error(`Not ready: ${error.message}${advice ? ' (with TLS_CLIENT_CA_FILE set HEALTH_PORT)' : ''}`));
  });
  await promise;
};
