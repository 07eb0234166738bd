/** Endurance: 500 clients for 10 minutes (DURATION_S=43200 for 12 hours); the memory must not grow by 5 % after the warm-up. */
import { fail, sleep } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { BASE_URL, numbersUrl, P95_MS, register, setting, TREND_STATS, takeNumber } from './service.js';

const DURATION_S = Number(setting('DURATION_S', '600', '10'));
const WARM_UP_S = DURATION_S / 5;
const SAMPLES = 60;
const MEMORY = /^process_resident_memory_bytes (\S+)/m;
const growth = new Trend('memory_growth_percent');

export const options = {
  scenarios: {
    numbers: {
      executor: 'constant-vus',
      vus: Number(setting('VUS', '500', '30')),
      duration: `${DURATION_S}s`,
      exec: 'numbers',
    },
    memory: { executor: 'per-vu-iterations', vus: 1, maxDuration: `${DURATION_S + 60}s`, exec: 'memory' },
  },
  thresholds: {
    'http_req_failed{call:number}': ['rate<0.001'],
    'http_req_duration{call:number}': [`p(95)<${P95_MS}`],
    // A few seconds say nothing about a leak, only that it is measured.
    memory_growth_percent: [`max<${setting('GROWTH_MAX', '5', '100')}`],
    checks: ['rate==1'],
  },
  summaryTrendStats: TREND_STATS,
};

export const setup = () => ({ url: numbersUrl(register('ENDURANCE')) });

export const numbers = ({ url }) => takeNumber(url);

const readMemory = () => {
  const text = String(http.get(`${BASE_URL}/metrics`).body);
  const bytes = Number(MEMORY.exec(text)?.[1]);
  if (!(bytes > 0)) fail('/metrics does not say how much memory the service has.');
  return bytes;
};

/** The smallest of a quarter, for between two garbage collections it goes up and down. */
export const memory = () => {
  sleep(WARM_UP_S);
  const readings = [];
  for (let i = 0; i < SAMPLES; i += 1) {
    readings.push(readMemory());
    sleep((DURATION_S - WARM_UP_S) / SAMPLES);
  }
  const quarter = SAMPLES / 4;
  const early = Math.min(...readings.slice(0, quarter));
  const late = Math.min(...readings.slice(-quarter));
  growth.add((late / early - 1) * 100);
};
