/** The usual service: a script call per request, labelled metrics, a log line per request, JWT and a rate limit. */
import fastifyJwt from '@fastify/jwt';
import fastifyRateLimit from '@fastify/rate-limit';
import { fastify } from 'fastify';
import { Counter, Histogram, Registry } from 'prom-client';
import { listen } from './listen.ts';
import { createNaiveCounter } from './naive-counter.ts';

const RATE_MAX = 1_000_000_000;

const take = await createNaiveCounter();
const register = new Registry();
const labelNames = ['method', 'route', 'status'];
const requests = new Counter({ name: 'requests_total', help: 'Requests.', labelNames, registers: [register] });
const durations = new Histogram({ name: 'duration_seconds', help: 'Durations.', labelNames, registers: [register] });

// Its log is written, but costs no disk.
const server = fastify({ logger: { file: '/dev/null' } });
await server.register(fastifyJwt, { secret: process.env['JWT_SECRET'] ?? '' });
await server.register(fastifyRateLimit, { max: RATE_MAX });
server.addHook('onRequest', async (request) => {
  await request.jwtVerify();
});
server.addHook('onResponse', async (request, reply) => {
  const labels = { method: request.method, route: request.routeOptions.url ?? '', status: reply.statusCode };
  requests.inc(labels);
  durations.observe(labels, reply.elapsedTime / 1_000);
});
const schema = {
  querystring: { type: 'object', required: ['prefixKey'], properties: { prefixKey: { type: 'string' } } },
  response: { 200: { type: 'object', properties: { number: { type: 'string' } } } },
};
server.get('/api/numbers', { schema }, async () => ({ number: await take() }));
await listen(server);
