/** Batches: 1,000 numbers a request, in order and without a hole. COUNT, VUS and DURATION change it. Needs TOKEN. */
import { check } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { numbersUrl, readValue, register, setting, TREND_STATS, withToken } from './service.js';

const COUNT = Number(__ENV.COUNT || 1_000);
const taken = new Counter('numbers_taken');

export const options = {
  vus: Number(setting('VUS', '20', '5')),
  duration: setting('DURATION', '1m', '5s'),
  thresholds: {
    'http_req_failed{call:batch}': ['rate<0.001'],
    'http_req_duration{call:batch}': [`p(95)<${setting('P95_MS', '200', '2000')}`],
    numbers_taken: [`count>=${COUNT}`],
    checks: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const setup = () => ({ url: `${numbersUrl(register('BATCH'))}&count=${COUNT}` });

export default ({ url }) => {
  // Without a token no more than OPEN_COUNT_MAX come at once.
  const reply = http.get(url, { headers: withToken(), tags: { call: 'batch' } });
  if (reply.status !== 200) return;
  const numbers = reply.json('numbers');
  taken.add(numbers.length);
  const first = readValue(numbers[0]);
  check(numbers, {
    'as many as were asked for': () => numbers.length === COUNT,
    'consecutive, in order': () => numbers.every((number, index) => readValue(number) === first + index),
  });
};
