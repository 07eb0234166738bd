/**
 * Ten seconds of 20 clients taking numbers: every answer is right, hardly any fails, and they come fast.
 *
 *   BASE_URL=http://127.0.0.1:8080 TOKEN=$(npm run --silent token) k6 run k6/smoke.js
 *
 * BASE_URL (default http://127.0.0.1:8080) must be a loopback address unless REMOTE=yes: a load test is aimed on purpose.
 * TOKEN registers the prefix; numbers are taken without it, so NUMBERS_AUTH must be open. DURATION and VUS change the load.
 */
import { check, fail } from 'k6';
import http from 'k6/http';

const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');
const LOOPBACK = /^http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/;
const NUMBER = /^SMOKE-2\d{3}-(\d{8,})$/;

export const options = {
  vus: Number(__ENV.VUS || 20),
  duration: __ENV.DURATION || '10s',
  thresholds: {
    // Only the calls that take numbers are judged, not the registration.
    'http_req_failed{call:number}': ['rate<0.001'],
    'http_req_duration{call:number}': ['p(95)<50'],
    // An error may happen, a wrong number may not.
    checks: ['rate==1'],
  },
  summaryTrendStats: ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'],
};

export function setup() {
  if (!LOOPBACK.test(BASE_URL) && __ENV.REMOTE !== 'yes')
    fail(`${BASE_URL} is not this machine; set REMOTE=yes if you mean it.`);
  const prefixKey = `SMOKE-${Date.now()}`;
  const headers = { 'Content-Type': 'application/json' };
  if (__ENV.TOKEN) headers.Authorization = `Bearer ${__ENV.TOKEN}`;
  const body = JSON.stringify({ format: 'SMOKE-{year}-{SEQ:8}', allowCollision: true });
  const reply = http.put(`${BASE_URL}/api/prefix-configs/${prefixKey}`, body, { headers });
  if (reply.status !== 200) fail(`The prefix could not be registered: ${reply.status} ${reply.body}`);
  return { url: `${BASE_URL}/api/numbers?prefixKey=${prefixKey}` };
}

// Each client sees its own numbers grow: a repeated or older one would show.
let last = 0;

export default function ({ url }) {
  const reply = http.get(url, { tags: { call: 'number' } });
  if (reply.status !== 200) return;
  const number = String(reply.json('number'));
  const value = Number(NUMBER.exec(number)?.[1] ?? 0);
  check(reply, {
    'the number matches its template': () => NUMBER.test(number),
    'the number is higher than the one before': () => value > last,
    'no cache may keep it': ({ headers }) => headers['Cache-Control'] === 'no-store',
  });
  last = Math.max(last, value);
}

export function teardown({ url }) {
  const reply = http.get(url);
  console.log(`The last number: ${reply.json('number')}`);
}
