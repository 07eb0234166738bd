/** Prefix configs as the operator of a run keeps them: registered at the start, and again when the service has lost them. */
import type { Cluster } from './cluster.ts';
import type { Prefix } from './evidence.ts';

const formatOf = ({ prefixKey, reset }: Prefix): string =>
  reset === 'never' ? `${prefixKey}-{SEQ:6}` : `${prefixKey}-{year}-{month}-{SEQ:6}`;

/** @returns whether it was not there before. */
const register = async (url: string, prefix: Prefix): Promise<boolean> => {
  const reply = await fetch(`${url}/api/prefix-configs/${prefix.prefixKey}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      format: formatOf(prefix),
      initialSeq: prefix.initialSeq,
      reset: prefix.reset,
      outage: 'standby',
    }),
  });
  const text = await reply.text();
  if (reply.status !== 200 && reply.status !== 409)
    throw new Error(`Registering ${prefix.prefixKey}: ${reply.status} ${text}`);
  return reply.status === 200;
};

export const registerAll = async ({ build, nodes: [{ url }] }: Cluster): Promise<string[]> => {
  const registered: string[] = [];
  for (const prefix of build.prefixes) if (await register(url, prefix)) registered.push(prefix.prefixKey);
  return registered;
};
