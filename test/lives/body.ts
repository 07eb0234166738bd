/** Random configs of a life, and the plainest reading of what they print: by replacing, not by the service's template. */
import type { Random } from '../model/random.ts';
import type { Body, Variables } from './driver.ts';

/** The date a format has to show, by reset. */
const SHOWN: Readonly<Record<Body['reset'], readonly string[]>> = {
  never: ['', '', '{year}-', '{yy}{month}-'],
  yearly: ['{year}-', '{yy}-', '{year}/{month}-'],
  monthly: ['{year}-{month}-', '{yy}{month}-'],
  daily: ['{year}{month}{day}-', '{year}-{month}-{day}-'],
  'fiscal-yearly': ['{fiscalYear}-', 'F{fiscalYear}/'],
};
const HEADS = ['{prefix}-', '{prefix}-', '{prefix}/', 'R{prefix}-', '{prefix}-{var:desk}-'];
const WIDTHS = [1, 2, 3, 4, 4, 4, 6];
const TAILS = ['', '', '', '-X', '-{check:luhn}'];
const FIRSTS = [0, 0, 0, 0, 3, 7, 40, 95, 500, 990, 3046, 9_980, 20_000];

const randomFormat = (random: Random, reset: Body['reset']): string =>
  `${random.pick(HEADS)}${random.pick(SHOWN[reset])}{SEQ:${random.pick(WIDTHS)}}${random.pick(TAILS)}`;

const randomFirst = (random: Random): number => random.pick(FIRSTS);

const RESETS: readonly Body['reset'][] = ['never', 'never', 'never', 'yearly', 'monthly', 'daily', 'fiscal-yearly'];

const randomReset = (random: Random): Body['reset'] => random.pick(RESETS);

export const randomBody = (random: Random, servesGapless: boolean): Body => {
  const reset = randomReset(random);
  const strategy = servesGapless && random.chance(0.35) ? 'gapless' : 'counter';
  return {
    format: randomFormat(random, reset),
    initialSeq: randomFirst(random),
    reset,
    fiscalYearStart: '04-01',
    overflow: random.chance(0.2) ? 'reject' : 'extend',
    outage: random.chance(0.2) ? 'reject' : 'standby',
    allowPast: strategy === 'counter' && random.chance(0.3),
    strategy,
  };
};

/** Some fields anew; the others as they were. */
export const changedBody = (random: Random, body: Body, servesGapless: boolean): Body => {
  const fresh = randomBody(random, servesGapless);
  const reset = random.chance(0.1) ? fresh.reset : body.reset;
  const format = random.chance(0.5) || reset !== body.reset ? randomFormat(random, reset) : body.format;
  const strategy = random.chance(0.08) ? fresh.strategy : body.strategy;
  return {
    ...body,
    reset,
    format,
    strategy,
    ...(random.chance(0.5) && { initialSeq: fresh.initialSeq }),
    ...(random.chance(0.15) && { overflow: fresh.overflow }),
    ...(random.chance(0.15) && { outage: fresh.outage }),
    allowPast: strategy === 'counter' && (random.chance(0.2) ? fresh.allowPast : body.allowPast),
  };
};

export const variablesOf = ({ format }: Pick<Body, 'format'>, desk: string): Variables =>
  format.includes('{var:desk}') ? { desk } : undefined;

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const fiscalYear = (day: string): string =>
  day.slice(5) >= '04-01' ? day.slice(0, 4) : `${Number(day.slice(0, 4)) - 1}`;

/** The period of a day. */
export const periodOf = ({ reset }: Pick<Body, 'reset'>, ms: number): string => {
  const day = dayOf(ms);
  if (reset === 'never') return '';
  if (reset === 'fiscal-yearly') return `fy${fiscalYear(day)}`;
  return day.slice(0, { yearly: 4, monthly: 7, daily: 10 }[reset]);
};

/** Periods before the present one whose counters a change of the format looks at. */
const MARKED = 23;

/** The earliest of them. */
export const earliestMarked = ({ reset }: Pick<Body, 'reset'>, ms: number): string => {
  const day = new Date(ms);
  if (reset === 'daily') day.setUTCDate(day.getUTCDate() - MARKED);
  // The first, for not every month has the others.
  else if (reset === 'monthly') day.setUTCMonth(day.getUTCMonth() - MARKED, 1);
  else day.setUTCFullYear(day.getUTCFullYear() - MARKED);
  return periodOf({ reset }, day.getTime());
};

/** What stands in a number beside its value and its check digit. */
const fill = (format: string, prefixKey: string, ms: number, variables: Variables): string => {
  const day = dayOf(ms);
  const texts: Readonly<Record<string, string>> = {
    prefix: prefixKey,
    year: day.slice(0, 4),
    yy: day.slice(2, 4),
    month: day.slice(5, 7),
    day: day.slice(8, 10),
    fiscalYear: fiscalYear(day),
    'var:desk': variables?.['desk'] ?? '',
  };
  return format.replace(/\{([a-zA-Z:]+)\}/g, (whole, name: string) => texts[name] ?? whole);
};

/** The value of a number that was printed by this format on this day; undefined when it cannot have been. */
export const valueIn = (
  text: string,
  format: string,
  prefixKey: string,
  ms: number,
  variables: Variables,
): bigint | undefined => {
  const [head = '', tail = ''] = fill(format, prefixKey, ms, variables).split(/\{SEQ:\d+\}/);
  const width = Number(/\{SEQ:(\d+)\}/.exec(format)?.[1]);
  const rest = tail.replace('{check:luhn}', '0');
  if (!text.startsWith(head) || text.length < head.length + rest.length) return undefined;
  const end = text.slice(text.length - rest.length);
  if (rest !== (tail.includes('{check:luhn}') ? end.replace(/\d$/, '0') : end)) return undefined;
  const digits = text.slice(head.length, text.length - rest.length);
  if (!/^\d+$/.test(digits)) return undefined;
  const value = BigInt(digits);
  return digits === `${value}`.padStart(width, '0') ? value : undefined;
};

/** Whether a text is that of a number that was handed out, but for a variable or a date that it shows. */
export const mayHaveBeen = (text: string, prefixKey: string, given: { value: bigint; format: string }): boolean => {
  const shapes: Readonly<Record<string, string>> = {
    prefix: prefixKey,
    year: '\\d{4}',
    fiscalYear: '\\d{4}',
    'var:desk': '.+',
  };
  const shape = given.format.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const width = /^SEQ:(\d+)$/.exec(name)?.[1];
    if (width !== undefined) return `${given.value}`.padStart(Number(width), '0');
    return shapes[name] ?? (name.startsWith('check:') ? '\\d' : '\\d{2}');
  });
  return new RegExp(`^${shape}$`).test(text);
};

/** Prints a value; undefined where that takes a check digit, which is the service's business. */
export const printPlainly = (
  value: bigint,
  format: string,
  prefixKey: string,
  ms: number,
  variables: Variables,
): string | undefined => {
  if (format.includes('{check:')) return undefined;
  const width = Number(/\{SEQ:(\d+)\}/.exec(format)?.[1]);
  return fill(format, prefixKey, ms, variables).replace(/\{SEQ:\d+\}/, `${value}`.padStart(width, '0'));
};

/** The highest value of a config. */
export const limitOf = ({ overflow, format }: Pick<Body, 'overflow' | 'format'>): bigint =>
  overflow === 'extend' ? 2n ** 64n - 1n : 10n ** BigInt(/\{SEQ:(\d+)\}/.exec(format)?.[1] ?? 1) - 1n;
