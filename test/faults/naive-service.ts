/** What the checker must catch: one INCR per request, the client library's defaults, a leased segment when Redis is away. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const SEGMENT = 500;
const IMPATIENCE_MS = 250;

const redis = new Redis(process.env['REDIS_URL'] ?? '');
redis.on('error', () => undefined);
await once(redis, 'ready');

/** Leased once and for all at the start; nobody is told what becomes of it. */
const leases = new Map<string, { next: number; last: number }>();

const take = async (key: string): Promise<{ value: number; source: string }> => {
  const late = delay(IMPATIENCE_MS, undefined);
  const value = await Promise.race([redis.incr(`sequence:${key}`), late]).catch(() => undefined);
  if (value !== undefined) return { value: Number(value), source: 'redis' };
  const lease = leases.get(key);
  if (lease === undefined || lease.next > lease.last) throw new Error('The segment is used up.');
  lease.next += 1;
  return { value: lease.next - 1, source: 'standby' };
};

const server = Fastify();
server.get('/readyz', () => ({ status: redis.status }));
server.put<{ Params: { key: string } }>('/api/prefix-configs/:key', () => ({ status: 'registered' }));
server.get<{ Params: { key: string } }>('/api/numbers/:key', async (request, reply) => {
  const { key } = request.params;
  if (!leases.has(key)) {
    leases.set(key, { next: 1, last: 0 });
    const last = Number(await redis.incrby(`sequence:${key}`, SEGMENT));
    leases.set(key, { next: last - SEGMENT + 1, last });
  }
  const { value, source } = await take(key);
  reply.header('X-Number-Source', source);
  return { number: `${key}-${String(value).padStart(6, '0')}` };
});
process.once('SIGTERM', () => {
  void server.close().then(() => process.exit(0));
});
console.log(await server.listen({ host: '127.0.0.1', port: 0 }));
