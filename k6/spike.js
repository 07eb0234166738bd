/** A spike: 100 clients, within 5 seconds 5,000, then 100 again. No request fails, and afterwards it is as fast as before. */
import { numbersUrl, P95_MS, register, SHORT, setting, TREND_STATS, takeNumber } from './service.js';

const FEW = Number(setting('VUS', '100', '10'));
const MANY = Number(setting('PEAK', '5000', '200'));
const [calm, rise, peak] = SHORT ? [3, 1, 3] : [30, 5, 30];

const clients = (exec, startTime, duration) => ({
  executor: 'constant-vus',
  vus: FEW,
  startTime: `${startTime}s`,
  duration: `${duration}s`,
  exec,
});

export const options = {
  scenarios: {
    before: clients('before', 0, calm),
    spike: {
      executor: 'ramping-vus',
      startVUs: FEW,
      startTime: `${calm}s`,
      stages: [
        { duration: `${rise}s`, target: MANY },
        { duration: `${peak}s`, target: MANY },
      ],
      gracefulStop: '30s',
      exec: 'during',
    },
    // The last replies of the spike are not its own.
    after: clients('after', calm + rise + peak + 2, calm),
  },
  thresholds: {
    'http_req_failed{call:number}': ['rate==0'],
    'http_req_duration{phase:before}': [`p(95)<${P95_MS}`],
    'http_req_duration{phase:during}': ['max<30000'],
    'http_req_duration{phase:after}': [`p(95)<${P95_MS}`],
    checks: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const setup = () => ({ url: numbersUrl(register('SPIKE')) });

export const before = ({ url }) => takeNumber(url, { phase: 'before' });
export const during = ({ url }) => takeNumber(url, { phase: 'during' });
export const after = ({ url }) => takeNumber(url, { phase: 'after' });
