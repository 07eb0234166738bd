/** Looks into, or changes, a Redis behind the service's back. */
import { Redis } from 'ioredis';

/** On a connection for once: one that stays would count as left open by the app when it reconnects. */
export const inRedis = async <Result>(url: string, use: (client: Redis) => Promise<Result>): Promise<Result> => {
  const client = new Redis(url);
  try {
    return await use(client);
  } finally {
    client.disconnect();
  }
};
