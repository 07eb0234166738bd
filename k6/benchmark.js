/** The benchmark load: 1,000 clients for 5 minutes. VUS, DURATION, P95_MS and RATE_MIN change it; see service.js. */
import { numbersUrl, P95_MS, register, setting, TREND_STATS, takeNumber } from './service.js';

export const options = {
  vus: Number(setting('VUS', '1000', '50')),
  duration: setting('DURATION', '5m', '6s'),
  thresholds: {
    'http_req_failed{call:number}': ['rate<0.001'],
    'http_req_duration{call:number}': [`p(95)<${P95_MS}`],
    'http_reqs{call:number}': [`rate>=${setting('RATE_MIN', '10000', '100')}`],
    checks: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const setup = () => ({ url: numbersUrl(register('BENCHMARK')) });

export default ({ url }) => takeNumber(url);
