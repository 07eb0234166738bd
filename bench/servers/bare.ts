/** The measure of all: one Fastify route that replies the same number each time. */
import { fastify } from 'fastify';
import { listen } from './listen.ts';

const server = fastify();
const schema = { response: { 200: { type: 'object', properties: { number: { type: 'string' } } } } };
server.get('/api/numbers', { schema }, async () => ({ number: 'INV-2026-000124' }));
await listen(server);
