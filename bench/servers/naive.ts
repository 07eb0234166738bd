/** One script call to Redis per request, and nothing else. */
import { fastify } from 'fastify';
import { listen } from './listen.ts';
import { createNaiveCounter } from './naive-counter.ts';

const take = await createNaiveCounter();
const server = fastify();
const schema = { response: { 200: { type: 'object', properties: { number: { type: 'string' } } } } };
server.get('/api/numbers', { schema }, async () => ({ number: await take() }));
await listen(server);
