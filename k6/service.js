/**
 * What the scenarios share: where the service is, how a prefix is registered, how a number is taken and looked at.
 *
 * BASE_URL (default http://127.0.0.1:8080) must be a loopback address unless REMOTE=yes: a load test is aimed on purpose.
 * TOKEN registers the prefix. With SHORT=yes each scenario takes some seconds and judges what any machine can hold.
 */
import { check, fail } from 'k6';
import http from 'k6/http';

export const SHORT = __ENV.SHORT === 'yes';
export const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/$/, '');

const LOOPBACK = /^http:\/\/(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/;
const NUMBER = /^K6-2\d{3}-(\d{8,})$/;

export const TREND_STATS = ['min', 'med', 'avg', 'p(95)', 'p(99)', 'max'];

/** A setting of the environment; `short` is its default with SHORT=yes. */
export const setting = (name, usual, short) => __ENV[name] || (SHORT ? short : usual);

/** p95 of the calls that take numbers, ms. */
export const P95_MS = setting('P95_MS', '50', '1000');

/** The headers of a call that is not open to everybody. */
export const withToken = () => (__ENV.TOKEN ? { Authorization: `Bearer ${__ENV.TOKEN}` } : {});

/** Registers a prefix of its own for this run. @returns its key. */
export const register = (name) => {
  if (!LOOPBACK.test(BASE_URL) && __ENV.REMOTE !== 'yes')
    fail(`${BASE_URL} is not this machine; set REMOTE=yes if you mean it.`);
  const prefixKey = `${name}-${Date.now()}`;
  const headers = Object.assign({ 'Content-Type': 'application/json' }, withToken());
  const body = JSON.stringify({ format: 'K6-{year}-{SEQ:8}', allowCollision: true });
  const reply = http.put(`${BASE_URL}/api/prefix-configs/${prefixKey}`, body, { headers });
  if (reply.status !== 200) fail(`The prefix could not be registered: ${reply.status} ${reply.body}`);
  return prefixKey;
};

export const numbersUrl = (prefixKey) => `${BASE_URL}/api/numbers?prefixKey=${prefixKey}`;

/** The value a number shows; 0 when it does not match the template. */
export const readValue = (number) => Number(NUMBER.exec(String(number))?.[1] ?? 0);

// Each client sees its own numbers grow: a repeated or older one would show.
let last = 0;

/** Takes one number, and checks that it is higher than this client's one before. */
export const takeNumber = (url, tags = {}) => {
  const reply = http.get(url, { tags: Object.assign({ call: 'number' }, tags) });
  if (reply.status !== 200) return;
  // On a slow machine the standby serves now and then, out of turn.
  if (reply.headers['X-Number-Source'] === 'standby') return;
  const value = readValue(reply.json('number'));
  check(reply, { 'the number is higher than the one before': () => value > last });
  last = Math.max(last, value);
};
