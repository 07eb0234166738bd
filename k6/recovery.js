/**
 * Redis is restarted meanwhile, by whoever runs this (k6/recovery does): the service is back within 30 seconds, no number is
 * handed out twice, and none is missing. One client with many requests at a time, so that it sees all numbers there are.
 */
import { fail, sleep } from 'k6';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { numbersUrl, readValue, register, setting } from './service.js';

const DURATION_S = Number(setting('DURATION_S', '60', '9'));
const AT_ONCE = 10;
const PAUSE_S = 0.1;
/** More than lies between the counter and a standby segment that was used. */
const REST = 5_000;

const duplicates = new Counter('duplicates');
const missing = new Counter('missing');
const outage = new Trend('longest_outage_ms');
const fromStandby = new Counter('numbers_from_standby');

export const options = {
  scenarios: { watch: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: `${DURATION_S + 60}s` } },
  batchPerHost: AT_ONCE,
  thresholds: {
    duplicates: ['count==0'],
    missing: ['count==0'],
    longest_outage_ms: ['max<30000'],
    // Otherwise nobody restarted Redis, and nothing was tested.
    numbers_from_standby: ['count>0'],
  },
};

export const setup = () => ({ url: numbersUrl(register('RECOVERY')) });

const seen = new Set();

const keep = (value) => {
  if (seen.has(value)) duplicates.add(1);
  seen.add(value);
};

const countMissing = () => {
  let highest = 0;
  for (const value of seen) highest = Math.max(highest, value);
  return highest - seen.size;
};

/** Takes what lies before the standby values that were used, so that a hole would show. */
const takeRest = (url) => {
  for (let attempt = 0; attempt < 30; attempt += 1) {
    const reply = http.get(`${url}&count=${REST}`);
    if (reply.status === 200 && reply.headers['X-Number-Source'] === 'redis') {
      for (const number of reply.json('numbers')) keep(readValue(number));
      return;
    }
    if (reply.status === 200) for (const number of reply.json('numbers')) keep(readValue(number));
    sleep(1);
  }
  fail('Redis did not serve again within 30 s.');
};

export default ({ url }) => {
  const requests = Array.from({ length: AT_ONCE }, () => ['GET', url]);
  const end = Date.now() + DURATION_S * 1_000;
  let served = Date.now();
  let longest = 0;
  while (Date.now() < end) {
    for (const reply of http.batch(requests)) {
      if (reply.status !== 200) continue;
      keep(readValue(reply.json('number')));
      if (reply.headers['X-Number-Source'] === 'standby') fromStandby.add(1);
      longest = Math.max(longest, Date.now() - served);
      served = Date.now();
    }
    sleep(PAUSE_S);
  }
  takeRest(url);
  outage.add(longest);
  missing.add(countMissing());
};
