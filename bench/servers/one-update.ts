/** What most services do on PostgreSQL: one UPDATE of one row per request. */
import { fastify } from 'fastify';
import { Pool } from 'pg';
import { listen } from './listen.ts';

/** More connections are slower, for all wait for the same row. */
const CONNECTIONS_MAX = 16;

const pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: CONNECTIONS_MAX });
await pool.query('CREATE TABLE IF NOT EXISTS bench_counters (name text PRIMARY KEY, value bigint NOT NULL)');
await pool.query(`INSERT INTO bench_counters VALUES ('INV', 0) ON CONFLICT DO NOTHING`);
const server = fastify();
const schema = { response: { 200: { type: 'object', properties: { number: { type: 'string' } } } } };
server.get('/api/numbers', { schema }, async () => {
  const { rows } = await pool.query(`UPDATE bench_counters SET value = value + 1 WHERE name = 'INV' RETURNING value`);
  return { number: `INV-2026-${String(rows[0]?.value).padStart(6, '0')}` };
});
await listen(server);
