/** The rules between the fields of a prefix config, its defaults, and what a client may write. */

import { z } from 'zod';
import { NumberGeneratorError } from '../errors.ts';
import { SNOWFLAKE_DIGITS } from '../snowflake/snowflake.ts';
import { CHECKS_MAX, layOut, PRINTED_LENGTH_MAX, printedLengthOf, spell } from '../template/layout.ts';
import { periodKeyOf, type Reset } from '../template/period.ts';
import { dayVariablesOf, hiddenPeriodOf } from '../template/period-shows.ts';
import { compileTemplate } from '../template/printer.ts';
import { givenNamesOf, parseTemplate, type Template } from '../template/template.ts';
import { parseValue, VALUE_MAX } from '../values/value.ts';
import { hasCounter, type PrefixConfigInput } from './prefix-config.ts';
import { INITIAL_SEQ_RULE, PAIRS, type Spelled, shape } from './prefix-config-fields.ts';

/** `"05"` and `5` are the same value. */
const canonical = (given: string | number | boolean): string => String(given).replace(/^0+(?=[0-9])/, '');

const checkSpellings = (raw: Spelled, ctx: z.RefinementCtx): void => {
  for (const [camelCase, snakeCase] of PAIRS) {
    const [one, other] = [raw[camelCase], raw[snakeCase]];
    if (one !== undefined && other !== undefined && canonical(one) !== canonical(other)) {
      ctx.addIssue({ code: 'custom', path: [snakeCase], message: `Given as ${camelCase} too, with another value` });
    }
  }
};

/** The parsed format, or `undefined` when it is wrong; that has an error of its own, later. */
const templateOf = (format: string): Template | undefined => {
  try {
    return parseTemplate(format);
  } catch (error) {
    if (error instanceof NumberGeneratorError) return undefined;
    throw error;
  }
};

/** What a format could print to show a reset. */
const SHOWS: Readonly<Record<Reset, string>> = {
  never: '',
  yearly: '{year} or {yy}',
  monthly: '{year} or {yy} and {month}',
  daily: '{year} or {yy} and {month} and {day}',
  'fiscal-yearly': '{fiscalYear}',
};

/**
 * A reset must show: the date in a number has to determine its period. Two equal numbers of two periods are the proof.
 */
const checkReset = (config: PrefixConfigInput, template: Template, ctx: z.RefinementCtx): void => {
  const hidden = hiddenPeriodOf(dayVariablesOf(template), config.reset, config.fiscalYearStart);
  if (hidden === undefined) return;
  const sourceAt = compileTemplate(template, { ...config, timeZone: 'UTC', prefixKey: 'X' });
  const given = Object.fromEntries(givenNamesOf(template).map((name) => [name, 'X']));
  const [one, other] = [hidden.one, hidden.other].map((reading) => {
    const { year, month, day } = reading;
    const noonMs = Date.UTC(year, month - 1, day, 12);
    const date = new Date(noonMs).toISOString().slice(0, 10);
    const period = periodKeyOf(reading, config.reset, config.fiscalYearStart);
    return `${sourceAt(noonMs)(given)(config.initialSeq + 1n)} of ${date} (period ${period})`;
  });
  const message = `The reset does not show in the format: ${one} and ${other} would be the same number. Let it show ${SHOWS[config.reset]}`;
  ctx.addIssue({ code: 'custom', path: ['reset'], message });
};

/** Two requests must not get numbers that read the same, whatever their variables are. */
const checkDivision = (config: PrefixConfigInput, template: Template, ctx: z.RefinementCtx): void => {
  const { undivided } = layOut(template, config);
  if (undivided === undefined) return;
  const where = undivided.map(spell).join('');
  const message = `Nothing says where the parts of ${where} end, so two numbers could read the same: put a character such as - between them`;
  ctx.addIssue({ code: 'custom', path: ['format'], message });
};

const checkLength = (raw: Spelled, seqLength: number, template: Template, ctx: z.RefinementCtx): void => {
  if (seqLength === template.seqLength) return;
  const path = [raw.seqLength === undefined ? 'seq_length' : 'seqLength'];
  ctx.addIssue({ code: 'custom', path, message: `Differs from the {SEQ:${template.seqLength}} of the format` });
};

const readInitialSeq = (raw: Spelled, seqLength: number, ctx: z.RefinementCtx): bigint => {
  const initialSeq = parseValue(canonical(raw.initialSeq ?? raw.initial_seq ?? 0));
  const path = [raw.initialSeq === undefined ? 'initial_seq' : 'initialSeq'];
  if (initialSeq === undefined || initialSeq === VALUE_MAX) {
    ctx.addIssue({ code: 'custom', path, message: INITIAL_SEQ_RULE });
  } else if (raw.overflow === 'reject' && initialSeq >= 10n ** BigInt(seqLength) - 1n) {
    ctx.addIssue({ code: 'custom', path, message: `Leaves no value of ${seqLength} digits to count to` });
  }
  return initialSeq ?? 0n;
};

/** What a series without a counter cannot have. */
const checkClocked = (raw: Spelled, config: PrefixConfigInput, ctx: z.RefinementCtx): void => {
  if (hasCounter(config)) return;
  const { strategy, seqLength } = config;
  const refuse = (path: string, message: string): void => ctx.addIssue({ code: 'custom', path: [path], message });
  if (config.reset !== 'never') refuse('reset', `${strategy} has no counter that could restart: leave it at never`);
  if (config.initialSeq !== 0n) {
    const path = raw.initialSeq === undefined ? 'initial_seq' : 'initialSeq';
    refuse(path, `${strategy} has no counter that could begin anywhere: leave it out`);
  }
  if (config.overflow === 'reject' && strategy === 'snowflake' && seqLength < SNOWFLAKE_DIGITS) {
    refuse(
      'overflow',
      `A snowflake has up to ${SNOWFLAKE_DIGITS} digits, more than {SEQ:${seqLength}} allows: leave it at extend`,
    );
  }
};

/** `{SEQ}` takes the length of the field beside it, as in the brief's data model. */
const withLength = ({ format, seqLength, seq_length: snakeLength }: Spelled): string => {
  const length = seqLength ?? snakeLength;
  return length === undefined ? format : format.replaceAll('{SEQ}', `{SEQ:${length}}`);
};

/** Fills in defaults and checks the rules that hold for all stored configs. */
export const normalise = (spelled: Spelled, ctx: z.RefinementCtx): PrefixConfigInput => {
  checkSpellings(spelled, ctx);
  const raw = { ...spelled, format: withLength(spelled) };
  const template = templateOf(raw.format);
  const seqLength = raw.seqLength ?? raw.seq_length ?? template?.seqLength ?? 1;
  const config: PrefixConfigInput = {
    format: raw.format,
    seqLength,
    initialSeq: readInitialSeq(raw, seqLength, ctx),
    strategy: raw.strategy ?? 'counter',
    reset: raw.reset ?? 'never',
    timeZone: raw.timeZone ?? raw.time_zone ?? 'UTC',
    fiscalYearStart: raw.fiscalYearStart ?? raw.fiscal_year_start ?? '01-01',
    overflow: raw.overflow ?? 'extend',
    outage: raw.outage ?? 'standby',
    allowPast: raw.allowPast ?? raw.allow_past ?? false,
    ...((raw.allowCollision ?? raw.allow_collision) && { allowCollision: true as const }),
  };
  if (config.allowPast && config.strategy !== 'counter') {
    const path = [raw.allowPast === undefined ? 'allow_past' : 'allowPast'];
    ctx.addIssue({
      code: 'custom',
      path,
      message: 'Only the strategy counter can number documents of earlier periods',
    });
  }
  if (config.strategy === 'gapless' && config.outage === 'temporary') {
    const message = 'A gapless prefix has no temporary numbers: while its store is away it is refused';
    ctx.addIssue({ code: 'custom', path: ['outage'], message });
  }
  if (template !== undefined) {
    checkLength(raw, seqLength, template, ctx);
    checkReset(config, template, ctx);
    checkDivision(config, template, ctx);
  }
  checkClocked(raw, config, ctx);
  return config;
};

/**
 * Limits the time of printing, which grows with the length of a number and its check digits. Stored configs are not
 * checked.
 */
export const checkCost = (config: PrefixConfigInput, ctx: z.RefinementCtx): void => {
  const template = templateOf(config.format);
  if (template === undefined) return;
  const refuse = (message: string): void => ctx.addIssue({ code: 'custom', path: ['format'], message });
  if (template.tail.filter((part) => 'check' in part).length > CHECKS_MAX) {
    refuse(`A format has at most ${CHECKS_MAX} check digits {check:…}: more find no more errors`);
  }
  const length = printedLengthOf(template, config);
  if (length > PRINTED_LENGTH_MAX) {
    refuse(
      `Its numbers could have ${length} characters, more than ${PRINTED_LENGTH_MAX}: a {var:…} counts 32, {prefix} 64, the sequence 20 where it may grow`,
    );
  }
};

/** What a client writes. */
export const readInput = (raw: Spelled, ctx: z.RefinementCtx): PrefixConfigInput => {
  // Formats that look the same are stored the same. Stored ones are left alone, so that they print what they printed
  // before.
  const format = raw.format.normalize('NFC');
  if (/\}\p{M}/u.test(format)) {
    const message =
      'A combining mark directly behind a tag would melt into what the tag prints: put a letter between them';
    ctx.addIssue({ code: 'custom', path: ['format'], message });
  }
  const config = normalise({ ...raw, format }, ctx);
  checkCost(config, ctx);
  return config;
};

/** The fields of a prefix config. Unknown ones are refused. The format is not parsed yet. */
export const prefixConfigInputSchema = z.strictObject(shape).transform(readInput);
