/** Turns of periods under load: distinct numbers, each period from initialSeq + 1 on, no text of one period with the counter of another. */
import { describe, expect, test } from 'vitest';
import { sharedByTests } from '../support/shared-by-tests.ts';
import { startAppOn } from '../support/store-app.ts';

const INITIAL_SEQ = 41;
const REQUESTS = 120;
/** Requests under way when the clock makes its step. */
const STEPS = 12;

/** The period turns at the second instant, in the zone of the prefix. */
const TURNS: readonly (readonly [
  what: string,
  timeZone: string,
  reset: string,
  format: string,
  turn: string,
  texts: string,
])[] = [
  ['midnight', 'Asia/Kathmandu', 'daily', '{year}{month}{day}', '2026-11-25T18:15:00Z', '20261125 20261126'],
  ['month end', 'America/New_York', 'monthly', '{year}-{month}', '2026-12-01T05:00:00Z', '2026-11 2026-12'],
  ['leap day', 'Europe/Berlin', 'daily', '{yy}{month}{day}', '2028-02-28T23:00:00Z', '280228 280229'],
  [
    'the day after',
    'Europe/Berlin',
    'daily',
    '{year}.{dayOfYear}.{month}.{day}',
    '2028-02-29T23:00:00Z',
    '2028.060.02.29 2028.061.03.01',
  ],
  ['New Year', 'Asia/Kathmandu', 'yearly', '{year}', '2026-12-31T18:15:00Z', '2026 2027'],
  [
    'New Year in ISO week 53',
    'America/New_York',
    'daily',
    '{year}{month}{day}-W{week}',
    '2027-01-01T05:00:00Z',
    '20261231-W53 20270101-W53',
  ],
  [
    'the end of ISO week 53',
    'Europe/Berlin',
    'daily',
    '{year}{month}{day}-{weekYear}W{week}',
    '2027-01-03T23:00:00Z',
    '20270103-2026W53 20270104-2027W01',
  ],
  [
    'a change to summer time',
    'Europe/Berlin',
    'daily',
    '{year}{month}{day}',
    '2026-03-28T23:00:00Z',
    '20260328 20260329',
  ],
  [
    'the end of the short day',
    'Europe/Berlin',
    'daily',
    '{year}{month}{day}',
    '2026-03-29T22:00:00Z',
    '20260329 20260330',
  ],
  [
    'the end of the long day',
    'America/New_York',
    'daily',
    '{year}{month}{day}',
    '2026-11-02T05:00:00Z',
    '20261101 20261102',
  ],
  ['a fiscal year', 'Asia/Kathmandu', 'fiscal-yearly', '{fiscalYear}', '2027-03-31T18:15:00Z', '2026 2027'],
];

describe.each(['sqlite', 'redis'])('under load on %s', (store) => {
  let nowMs = Date.UTC(2026, 11, 1);

  // No standby: on a busy machine it would serve who waits for long, with higher values.
  const app = sharedByTests(() => startAppOn(store, { now: () => nowMs }, { STANDBY_SIZE: '0' }));

  test.each(TURNS)('200: %s in %s', async (what, timeZone, reset, variables, turn, texts) => {
    const key = what.replaceAll(' ', '_');
    const turnMs = Date.parse(turn);
    const [before = '', after = ''] = texts.split(' ');
    const format = `${variables}/{SEQ:4}`;
    const config = { format, reset, timeZone, initialSeq: INITIAL_SEQ, fiscalYearStart: '04-01', allowCollision: true };
    nowMs = turnMs - STEPS / 2;
    expect((await app.call('PUT', `/api/prefix-configs/${key}`, config)).status).toBe(200);

    // The clock steps over the turn a millisecond at a time, while requests are under way.
    const replies: Promise<string[]>[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      for (let request = 0; request < REQUESTS / STEPS; request += 1) {
        const count = request % 3 === 0 ? 3 : 1;
        replies.push(
          app
            .call('GET', `/api/numbers/${key}?count=${count}`)
            .then(({ status, json }) => (status === 200 ? json.numbers : Promise.reject(new Error(`${status}`)))),
        );
        if (request % 4 === 0) await Promise.race(replies);
      }
      nowMs += 1;
    }
    const numbers = (await Promise.all(replies)).flat();

    expect(new Set(numbers).size).toBe(numbers.length);
    const valuesOf = (text: string): number[] =>
      numbers
        .filter((number) => number.startsWith(`${text}/`))
        .map((number) => Number(number.slice(text.length + 1)))
        .sort((a, b) => a - b);
    const [early, late] = [valuesOf(before), valuesOf(after)];
    expect(early.length + late.length).toBe(numbers.length);
    for (const values of [early, late]) {
      expect(values.length).toBeGreaterThan(0);
      expect(values).toEqual(values.map((_value, index) => INITIAL_SEQ + 1 + index));
    }
    // And the counters stand where the texts say.
    expect((await app.call('GET', `/api/sequences/${key}`)).json.value).toBe(String(INITIAL_SEQ + late.length));
  });
});
