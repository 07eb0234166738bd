/** Reads all views of a life at one moment and compares them with what it remembers, and with each other. */
import { mayHaveBeen, periodOf, printPlainly, valueIn, variablesOf } from './body.ts';
import type { Answer, Body, Driver, Reading, ReportView, Row } from './driver.ts';
import {
  breach,
  demand,
  demandUnlessKnown,
  type Given,
  LifeBreach,
  type Memory,
  type PeriodMemory,
  periodIn,
} from './memory.ts';
import { demandServed, isAway, type Moment } from './record.ts';
import { checkEnd, checkPeriod, checkSequence, mayBeUntold, rowAt } from './rules.ts';

/** How thoroughly: at the end of a life all numbers are read, in between a few. */
export interface Scope {
  readonly isEnd: boolean;
}

const SHAPES: Readonly<Record<Body['reset'], RegExp>> = {
  never: /^$/,
  yearly: /^\d{4}$/,
  monthly: /^\d{4}-\d{2}$/,
  daily: /^\d{4}-\d{2}-\d{2}$/,
  'fiscal-yearly': /^fy\d{4}$/,
};
/** How a reading says that it speaks of the value and not of all that the number shows. */
const REMEMBERS = 'a counter remembers the value alone';
const PARSED_MAX = 2;
const PARSED_AT_END_MAX = 5;

/** A view that is there; undefined when the stores are away, which only something that befell the site excuses. */
const seen = <Result>(answer: Answer<Result>, moment: Moment): Result | undefined => {
  if ('ok' in answer) return answer.ok;
  demandServed(answer, moment);
  if (!isAway(answer)) breach('view-refused', `${answer.refused}: ${answer.why}`);
  return undefined;
};

const holds = ({ first, last }: Pick<Row, 'first' | 'last'>, value: bigint): boolean => first <= value && value <= last;

/** Whether a node held the value while the format was changed. */
const wasHeldAtChange = ({ ends }: Memory, { period, value }: Given): boolean =>
  ends.some(({ held }) => held.get(period)?.some((row) => holds(row, value)));

/** Only of the latest periods it is written down where they stood, and numbers may be dated back. */
const isBeforeMarks = ({ bodies, ends }: Memory, { period }: Given): boolean =>
  bodies.some(({ allowPast }) => allowPast) && ends.some(({ earliest }) => period < earliest);

/** Whether a number of a ledger is read by another format, which prints the same text with the same value. */
const isReadByOther = ({ bodies, prefixKey }: Memory, given: Given, { variables }: Reading): boolean =>
  given.strategy === 'gapless' &&
  bodies.some(({ format }) => {
    const isOther = format !== given.format;
    return isOther && valueIn(given.text, format, prefixKey, given.atMs, variables) === given.value;
  });

/** What is read back of a number that was handed out. */
const checkGiven = async (memory: Memory, driver: Driver, given: Given, rows: readonly Row[], moment: Moment) => {
  const readings = seen(await driver.parse(given.text, memory.prefixKey), moment);
  if (readings === undefined) return;
  const reading = readings.find(({ value, period }) => value === given.value && period === given.period);
  if (reading === undefined) {
    const told = readings.map(({ period, value }) => `${value} of "${period}"`).join(', ');
    const what = `${given.text} is ${given.value} of "${given.period}", read: ${told || 'nothing'}`;
    return demandUnlessKnown(memory, false, 'issued-not-read', () => what);
  }
  const variables = JSON.stringify(given.variables ?? {});
  const isSame = JSON.stringify(reading.variables) === variables;
  const rule = isReadByOther(memory, given, reading) ? 'read-by-other-format' : 'wrong-variables';
  demandUnlessKnown(memory, isSame, rule, () => `${given.text}: ${JSON.stringify(reading.variables)}`);
  const isChecked = given.format.includes('{check:');
  demand(reading.checkDigit === (isChecked ? 'right' : undefined), 'wrong-check-digit', () => given.text);
  if (given.state === 'brief') return;
  // The report has told of it.
  if (memory.broken.has('issued-in-jump') && rowAt(rows, given.value)?.reason === 'recovery-jump') return;
  const expected = given.state === 'reserved' ? 'not-issued' : 'issued';
  const isUntold = mayBeUntold(memory, given) && rowAt(rows, given.value)?.state !== 'issued';
  // A node may say what it used between the two looks.
  const isRight = reading.issued === expected || (isUntold && reading.issued === 'unknown');
  if (!isRight && reading.issued === 'unknown' && reading.reason.startsWith('The format was changed')) {
    if (isBeforeMarks(memory, given)) return;
    const rule = wasHeldAtChange(memory, given) ? 'held-when-changed' : 'format-forgotten';
    return demandUnlessKnown(memory, false, rule, () => `${given.text}: ${reading.reason}`);
  }
  demand(isRight, 'parse-says-otherwise', () => {
    return `${given.text} (${given.state}): ${reading.issued}, ${reading.reason}`;
  });
};

/** What is read of a number that was never handed out: never that it was, unless its value may be on its way. */
const checkNeverGiven = async (memory: Memory, driver: Driver, text: string, rows: readonly Row[], moment: Moment) => {
  if (memory.texts.has(text)) return;
  const readings = seen(await driver.parse(text, memory.prefixKey), moment) ?? [];
  const claim = readings.find(({ issued }) => issued === 'issued');
  if (claim === undefined) return;
  const isOnTheWay =
    rowAt(rows, claim.value)?.state === 'issued' &&
    memory.periods.get(claim.period)?.given.get(claim.value) === undefined;
  const given = memory.periods.get(claim.period)?.given.get(claim.value);
  const isForgotten = given !== undefined && mayHaveBeen(text, memory.prefixKey, given);
  const rule = isForgotten && claim.reason.endsWith(REMEMBERS) ? 'text-not-remembered' : 'parse-invents';
  demandUnlessKnown(memory, isOnTheWay, rule, () => `${text}: ${claim.issued}, ${claim.reason}`);
};

/** Numbers that were not handed out, though they look like those that were: beside them, and in the other formats. */
const strangersOf = (memory: Memory, period: PeriodMemory, body: Body, rows: readonly Row[], max: number): string[] => {
  const values = new Set<bigint>([(rows.at(-1)?.last ?? 0n) + 1n]);
  for (const origin of period.origins) if (origin > 0n) values.add(origin);
  for (const { state, first, last } of rows) {
    if (state !== 'issued') values.add(first).add(last);
  }
  const variables = variablesOf(body, 'NORTH');
  const beside = [...values].map((value) => printPlainly(value, body.format, memory.prefixKey, period.atMs, variables));
  const inOtherFormats = [...period.given.values()]
    .slice(-max)
    .flatMap(({ value, format, atMs }) =>
      memory.bodies
        .filter((other) => other.format !== format && other.reset === body.reset)
        .map((other) => printPlainly(value, other.format, memory.prefixKey, atMs, variablesOf(other, 'NORTH'))),
    );
  return [...beside.slice(-max), ...inOtherFormats.slice(-max)].filter((text) => text !== undefined);
};

const textOf = (rows: readonly Row[] | undefined): string | undefined =>
  rows?.map(({ state, first, last, reason }) => `${state} ${first} ${last} ${reason}`).join();

const LOOKS_MAX = 3;

/**
 * Reads a report with what belongs to it and compares them. A node may tell at any time what became of what it held, also
 * between the two: a breach counts when the report is the same before and after, otherwise all is read and compared again.
 * @returns undefined when there was nothing to compare, or the stores were away.
 */
const compareSteadily = async (
  read: () => Promise<ReportView | undefined>,
  compare: (report: ReportView) => Promise<boolean>,
): Promise<readonly Row[] | undefined> => {
  let report = await read();
  for (let looks = 1; report !== undefined; looks += 1) {
    try {
      return (await compare(report)) ? report.rows : undefined;
    } catch (error) {
      if (!(error instanceof LifeBreach) || looks > LOOKS_MAX) throw error;
      const again = await read();
      if (textOf(again?.rows) === textOf(report.rows)) throw error;
      report = again;
    }
  }
  return undefined;
};

/** Preview and state of the present period. */
const lookAtPresent = async (memory: Memory, driver: Driver, body: Body, rows: readonly Row[], moment: Moment) => {
  const period = periodIn(memory, periodOf(body, moment.nowMs), moment.nowMs);
  const sequence = seen(await driver.sequence(memory.prefixKey), moment);
  if (sequence === undefined) return;
  checkSequence(period, body, rows, sequence, moment.nowMs);
  const preview = await driver.preview(memory.prefixKey, variablesOf(body, 'NORTH'));
  if ('refused' in preview) {
    if (preview.refused !== 'SEQUENCE_OVERFLOW') seen(preview, moment);
    else demand(sequence.nextValue === undefined, 'preview-says-over', () => `next is ${sequence.nextValue}`);
    return;
  }
  const { number, value } = preview.ok;
  demand(value === sequence.nextValue, 'preview-and-state-differ', () => `${value}, ${sequence.nextValue}`);
  const isPlain = variablesOf(body, 'NORTH') === undefined;
  demand(!isPlain || number === sequence.nextNumber, 'preview-and-state-differ', () => number);
  const twin = memory.texts.get(number);
  demand(twin === undefined || twin.state === 'brief', 'preview-is-gone', () => number);
};

const lookAtPeriod = async (
  memory: Memory,
  driver: Driver,
  body: Body,
  period: PeriodMemory,
  moment: Moment,
  { isEnd }: Scope,
): Promise<void> => {
  const present = periodOf(body, moment.nowMs);
  const name = body.reset === 'never' ? undefined : period.name;
  const read = async () => seen(await driver.report(memory.prefixKey, name), moment);
  const rows = await compareSteadily(read, async (report) => {
    if ([...period.given.values()].some(({ strategy }) => strategy !== body.strategy)) {
      demandUnlessKnown(memory, report.rows.length > 0, 'looked-for-elsewhere', () => `${period.name} has numbers`);
      return false;
    }
    const gaps = seen(await driver.gaps(memory.prefixKey, name), moment);
    if (gaps === undefined) return false;
    checkPeriod(memory, period, report, gaps, body.strategy === 'counter');
    if (isEnd) checkEnd(memory, report.rows, present > period.name);
    if (period.name === present) await lookAtPresent(memory, driver, body, report.rows, moment);
    return true;
  });
  if (rows === undefined) return;
  const max = isEnd ? PARSED_AT_END_MAX : PARSED_MAX;
  const standing = [...period.given.values()].filter(({ state }) => state !== 'void');
  for (const given of standing.slice(-max)) await checkGiven(memory, driver, given, rows, moment);
  for (const text of strangersOf(memory, period, body, rows, max))
    await checkNeverGiven(memory, driver, text, rows, moment);
};

/** Compares everything that can be read of a life. */
export const look = async (memory: Memory, driver: Driver, moment: Moment, scope: Scope): Promise<void> => {
  const { body } = memory;
  if (body === undefined) {
    const answer = await driver.report(memory.prefixKey, undefined);
    if (!isAway(answer)) {
      const code = 'refused' in answer ? answer.refused : 'a report';
      demand(code === 'PREFIX_NOT_REGISTERED', 'removed-but-there', () => code);
    }
    return;
  }
  const present = periodIn(memory, periodOf(body, moment.nowMs), moment.nowMs);
  const periods = [...memory.periods.values()].filter(({ name }) => SHAPES[body.reset].test(name));
  for (const period of scope.isEnd ? periods : periods.slice(-2)) {
    if (period !== present) await lookAtPeriod(memory, driver, body, period, moment, scope);
  }
  await lookAtPeriod(memory, driver, body, present, moment, scope);
};
