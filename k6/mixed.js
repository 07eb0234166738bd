/** Mixed load: mostly single numbers, some batches, and now and then somebody looks at configs and states. */
import { check } from 'k6';
import http from 'k6/http';
import { BASE_URL, numbersUrl, P95_MS, register, setting, TREND_STATS, takeNumber, withToken } from './service.js';

export const options = {
  vus: Number(setting('VUS', '200', '20')),
  duration: setting('DURATION', '2m', '6s'),
  thresholds: {
    http_req_failed: ['rate<0.001'],
    'http_req_duration{call:number}': [`p(95)<${P95_MS}`],
    checks: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const setup = () => ({ keys: Array.from({ length: 10 }, (_, index) => register(`MIXED${index}`)) });

const look = (path) => {
  const reply = http.get(`${BASE_URL}${path}`, { headers: withToken(), tags: { call: 'look' } });
  check(reply, { 'what is asked about is known': ({ status }) => status === 200 });
};

// A client stays with one prefix, so that its numbers must grow.
export default ({ keys }) => {
  const prefixKey = keys[__VU % keys.length];
  const dice = Math.random();
  if (dice < 0.85) takeNumber(numbersUrl(prefixKey));
  else if (dice < 0.95) {
    const reply = http.get(`${numbersUrl(prefixKey)}&count=100`, { tags: { call: 'batch' } });
    check(reply, { 'a hundred numbers': () => reply.status === 200 && reply.json('numbers').length === 100 });
  } else if (dice < 0.98) look(`/api/prefix-configs/${prefixKey}`);
  else look(`/api/sequences/${prefixKey}`);
};
