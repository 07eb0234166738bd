/** Prefix configs: how one prefix is numbered; read from requests and from the store, both spellings in, one shape out. */
import { z } from 'zod';
import { NumberGeneratorError } from '../errors.ts';
import { fieldProblemsOf } from '../field-problems.ts';
import { SAME_AS } from '../schema-marks.ts';
import { SNOWFLAKE_DIGITS, SNOWFLAKE_MIN } from '../snowflake/snowflake.ts';
import { isTimeZone } from '../template/calendar.ts';
import { CHECKS_MAX, layOut, PRINTED_LENGTH_MAX, printedLengthOf, spell } from '../template/layout.ts';
import { periodKeyOf, RESETS, type Reset } from '../template/period.ts';
import { dayVariablesOf, hiddenPeriodOf } from '../template/period-shows.ts';
import { compileTemplate } from '../template/printer.ts';
import { givenNamesOf, parseTemplate, SEQ_LENGTH_MAX, type Template } from '../template/template.ts';
import { parseValue, VALUE_MAX } from '../values/value.ts';
import { FORMER_MAX, type Numbering, numberingSchema, STRATEGIES, type Strategy } from './numbering.ts';

/** What a prefix key looks like; it can stand in a URL path, a Redis key and a scope as it is. */
export const PREFIX_KEY = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

export const prefixKeySchema = z
  .string()
  .regex(PREFIX_KEY, 'A prefix key has 1 to 64 characters: letters, digits, _ . : -, beginning with a letter or digit')
  .describe('The client-visible name of a number series.')
  .meta({ examples: ['INV'] });

/** Settings of one series, checked and complete. */
export interface PrefixConfig {
  readonly prefixKey: string;
  readonly format: string;
  readonly seqLength: number;
  readonly initialSeq: bigint;
  readonly strategy: Strategy;
  readonly reset: Reset;
  readonly timeZone: string;
  readonly fiscalYearStart: string;
  readonly overflow: 'extend' | 'reject';
  /** What serves while the store is away: the standby; the standby, then temporary numbers; nothing. */
  readonly outage: 'standby' | 'temporary' | 'reject';
  /** Whether documents of earlier periods can still be given numbers, until such a period is closed. */
  readonly allowPast: boolean;
  /** Whether another prefix may print the same numbers: somebody insists. Absent: it may not. */
  readonly allowCollision?: true | undefined;
  /** 1 at registration, one more with every change. */
  readonly version: number;
  /** How the prefix was numbered before: no number of those may be printed again. */
  readonly former?: readonly Numbering[] | undefined;
  /** Fields that a later version has stored, under their stored names: kept as they are, for a node of that version. */
  readonly unknown?: Readonly<Record<string, unknown>> | undefined;
}

/** A prefix config as a client gives it: no key, no version. */
export type PrefixConfigInput = Omit<PrefixConfig, 'prefixKey' | 'version' | 'former' | 'unknown'>;

const INITIAL_SEQ_RULE =
  'A whole number from 0 to 18446744073709551614; above 9007199254740991 write it as a string of digits';
const TIME_ZONE_RULE = 'Not a known IANA time zone; write it as Europe/Berlin or UTC';
const LENGTH_RULE = 'Sequence length must be 1 to 20';
const isMonthDay = (text: string): boolean => {
  const date = new Date(`2001-${text}T00:00:00Z`);
  return /^[0-9]{2}-[0-9]{2}$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().slice(5, 10) === text;
};

const fields = {
  format: z
    .string()
    .max(256, 'A format has at most 256 characters')
    .describe(
      'The template of a number. Exactly one {SEQ:N}; variables in braces; other characters stand for themselves.',
    )
    .meta({ examples: ['INV-{year}-{SEQ:6}'] }),
  seqLength: z
    .int(LENGTH_RULE)
    .min(1, LENGTH_RULE)
    .max(SEQ_LENGTH_MAX, LENGTH_RULE)
    .describe('Digits of the sequence, zero-filled; the N of {SEQ:N}, which it must equal when given.'),
  initialSeq: z
    .union(
      // A union passes on the words of the one option that came close: each needs the rule.
      [z.int(INITIAL_SEQ_RULE).min(0, INITIAL_SEQ_RULE), z.string().regex(/^[0-9]{1,20}$/, INITIAL_SEQ_RULE)],
      INITIAL_SEQ_RULE,
    )
    .describe('The value before the first: the first number is initialSeq + 1. Default 0.')
    .meta({ id: 'InitialSeq' }),
  strategy: z
    .enum(STRATEGIES, `One of ${STRATEGIES.join(', ')}`)
    .describe('How values are taken. A strategy that this process cannot serve is refused with the reason.')
    .meta({ id: 'Strategy' }),
  reset: z
    .enum(RESETS, `One of ${RESETS.join(', ')}`)
    .describe('When counting restarts at initialSeq + 1, in the time zone of the prefix. It must show in the format.')
    .meta({ id: 'Reset' }),
  timeZone: z
    .string()
    .max(64, TIME_ZONE_RULE)
    .refine(isTimeZone, TIME_ZONE_RULE)
    .describe('The IANA time zone of the date variables, such as Europe/Berlin. Default UTC.')
    .meta({ examples: ['Europe/Berlin'] }),
  fiscalYearStart: z
    .string()
    .refine(isMonthDay, 'A day that every year has, as MM-DD, such as 04-01')
    .describe('First day of the fiscal year, MM-DD, for {fiscalYear}, such as 04-01. Default 01-01.')
    .meta({ examples: ['04-01'] }),
  overflow: z
    .enum(['extend', 'reject'], 'extend or reject')
    .describe('Past N digits the number grows (extend, the default) or is refused (reject).')
    .meta({ id: 'Overflow' }),
  outage: z
    .enum(['standby', 'temporary', 'reject'], 'standby, temporary or reject')
    .describe(
      'While the store is away: numbers from the standby (standby, the default); then temporary ones (temporary); none (reject).',
    )
    .meta({ id: 'OutagePolicy' }),
};

const allowPast = z
  .boolean('true or false')
  .describe('Whether documents dated in an earlier period get numbers of it, until it is closed. Default false.');

const allowCollision = z
  .boolean('true or false')
  .describe('Whether to accept a format by which another prefix could print the same number. Default false.');

export const { strategy: strategySchema, reset: resetSchema, overflow: overflowSchema, outage: outageSchema } = fields;

const alias = <Schema extends z.ZodType>(schema: Schema, camelCase: string) =>
  schema.optional().meta({ [SAME_AS]: camelCase });

/** The fields of a config that may be changed, in both spellings. */
export const shape = {
  format: fields.format,
  seqLength: fields.seqLength.optional(),
  seq_length: alias(fields.seqLength, 'seqLength'),
  initialSeq: fields.initialSeq.optional(),
  initial_seq: alias(fields.initialSeq, 'initialSeq'),
  strategy: fields.strategy.optional(),
  reset: fields.reset.optional(),
  timeZone: fields.timeZone.optional(),
  time_zone: alias(fields.timeZone, 'timeZone'),
  fiscalYearStart: fields.fiscalYearStart.optional(),
  fiscal_year_start: alias(fields.fiscalYearStart, 'fiscalYearStart'),
  overflow: fields.overflow.optional(),
  outage: fields.outage.optional(),
  allowPast: allowPast.optional(),
  allow_past: alias(allowPast, 'allowPast'),
  allowCollision: allowCollision.optional(),
  allow_collision: alias(allowCollision, 'allowCollision'),
};

export type Spelled = z.output<z.ZodObject<typeof shape>>;
type Pair = readonly [camelCase: keyof Spelled, snakeCase: keyof Spelled];

export const PAIRS: readonly Pair[] = [
  ['seqLength', 'seq_length'],
  ['initialSeq', 'initial_seq'],
  ['timeZone', 'time_zone'],
  ['fiscalYearStart', 'fiscal_year_start'],
  ['allowPast', 'allow_past'],
  ['allowCollision', 'allow_collision'],
];

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

/** The parsed format, or `undefined` when it is wrong: that has an error of its own, later. */
const templateOf = (format: string): Template | undefined => {
  try {
    return parseTemplate(format);
  } catch (error) {
    if (error instanceof NumberGeneratorError) return undefined;
    throw error;
  }
};

/** What a format could show so that a reset is seen in it. */
const SHOWS: Readonly<Record<Reset, string>> = {
  never: '',
  yearly: '{year} or {yy}',
  monthly: '{year} or {yy} and {month}',
  daily: '{year} or {yy} and {month} and {day}',
  'fiscal-yearly': '{fiscalYear}',
};

/** A reset must show: what a number prints of its date has to tell its period. Two equal numbers of two periods are the proof. */
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

/** Two requests must not be given numbers that read the same, whatever their variables say. */
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

/** The strategies that have no counter: their values come from the clock of a node. */
const CLOCKED: ReadonlySet<Strategy> = new Set<Strategy>(['snowflake', 'uuidv7']);

/** Whether a counter stands behind the series, which has a current value, periods and an end. */
export const hasCounter = ({ strategy }: Pick<PrefixConfig, 'strategy'>): boolean => !CLOCKED.has(strategy);

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

/** `{SEQ}` with a length beside it is that length: so the brief's data model says it. */
const withLength = ({ format, seqLength, seq_length: snakeLength }: Spelled): string => {
  const length = seqLength ?? snakeLength;
  return length === undefined ? format : format.replaceAll('{SEQ}', `{SEQ:${length}}`);
};

/** What is written as it is: defaults for what is left out, and the rules that hold for whatever is stored. */
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

/** Printing takes time with the length of a number, and with its check digits. What is stored goes on being printed. */
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
  // What looks the same is written the same. What is stored stays as it is: it goes on printing what it printed.
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

/** What may be said of a prefix config. Unknown fields are refused. The format is not parsed yet. */
export const prefixConfigInputSchema = z.strictObject(shape).transform(readInput);

const storedShape = {
  ...shape,
  prefix_key: z.string().optional(),
  version: z.int().min(1).optional(),
  former: z.array(numberingSchema).max(FORMER_MAX).optional(),
};

/** What a later version has added; undefined when there is none. */
const unknownOf = (raw: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> | undefined => {
  const fields = Object.entries(raw).filter(([name]) => !Object.hasOwn(storedShape, name));
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
};

const storedSchema = z.looseObject(storedShape).transform((raw, ctx) => {
  const { prefix_key: storedKey, version, former } = raw;
  const unknown = unknownOf(raw);
  return {
    storedKey,
    version,
    ...normalise(raw, ctx),
    ...(former !== undefined && { former }),
    ...(unknown !== undefined && { unknown }),
  };
});

/** The highest value the series may reach, by its `overflow`. */
export const limitOf = (config: Pick<PrefixConfig, 'overflow' | 'seqLength' | 'former'>): bigint => {
  const hadSnowflakes = config.former?.some(({ strategy }) => strategy === 'snowflake');
  const highest = hadSnowflakes ? SNOWFLAKE_MIN - 1n : VALUE_MAX;
  if (config.overflow === 'extend') return highest;
  const widest = 10n ** BigInt(config.seqLength) - 1n;
  return widest < highest ? widest : highest;
};

/** What a store holds for a prefix: a config, or the reason why what is there is none. */
export type StoredConfig =
  | { readonly kind: 'config'; readonly config: PrefixConfig }
  /** `version` when a later version of the service wrote it, which this one must not write over. */
  | { readonly kind: 'corrupt'; readonly reason: string; readonly version?: number };

/** The field, unless it says what its absence says: who reads it may know fewer fields, or other ones. */
const unless = (missing: unknown, name: string, value: unknown): Readonly<Record<string, unknown>> =>
  value === missing ? {} : { [name]: value };

/**
 * Writes a config as stores and operators read it: JSON with snake_case names, values as decimal strings, and only what differs
 * from the default.
 */
export const encodeStoredConfig = (config: PrefixConfig): string =>
  JSON.stringify({
    ...config.unknown,
    prefix_key: config.prefixKey,
    format: config.format,
    ...unless('0', 'initial_seq', config.initialSeq.toString()),
    ...unless('counter', 'strategy', config.strategy),
    ...unless('never', 'reset', config.reset),
    ...unless('UTC', 'time_zone', config.timeZone),
    ...unless('01-01', 'fiscal_year_start', config.fiscalYearStart),
    ...unless('extend', 'overflow', config.overflow),
    ...unless('standby', 'outage', config.outage),
    ...unless(false, 'allow_past', config.allowPast),
    ...unless(undefined, 'allow_collision', config.allowCollision),
    version: config.version,
    ...(config.former !== undefined && config.former.length > 0 && { former: config.former }),
  });

/** Values that a later version may have added to, each with those that this one knows. */
const CHOICES = {
  strategy: STRATEGIES,
  reset: RESETS,
  overflow: ['extend', 'reject'],
  outage: ['standby', 'temporary', 'reject'],
} as const satisfies Record<string, readonly string[]>;

/** @returns what only a later version can have written into the entry, as sentences; empty when it is of no later version. */
const laterChoices = (entry: Readonly<Record<string, unknown>>): string[] => {
  const former = Array.isArray(entry['former']) ? (entry['former'] as unknown[]) : [];
  return [entry, ...former].flatMap((one) =>
    Object.entries(CHOICES).flatMap(([name, known]: [string, readonly string[]]) => {
      const value = (one as Readonly<Record<string, unknown>> | null)?.[name];
      if (typeof value !== 'string' || !/^[a-z][a-z0-9-]{0,63}$/.test(value) || known.includes(value)) return [];
      return [
        `${name}: ${value} is not known to this version, only ${known.join(', ')}; a later one has it, or it is misspelt`,
      ];
    }),
  );
};

/** Reads what `encodeStoredConfig` wrote, or an operator by hand: missing fields take their defaults. Never throws. */
export const decodeStoredConfig = (prefixKey: string, json: string): StoredConfig => {
  if (!PREFIX_KEY.test(prefixKey)) return { kind: 'corrupt', reason: 'Not a prefix key' };
  try {
    const entry: unknown = JSON.parse(json);
    const parsed = storedSchema.safeParse(entry);
    if (!parsed.success) {
      const fields = typeof entry === 'object' && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
      const later = laterChoices(fields);
      const version = fields['version'];
      if (later.length > 0 && typeof version === 'number' && Number.isSafeInteger(version) && version > 0) {
        return { kind: 'corrupt', reason: later.join('; '), version };
      }
      const problems = fieldProblemsOf(parsed.error.issues, 'entry');
      return { kind: 'corrupt', reason: problems.map(({ path, message }) => `${path}: ${message}`).join('; ') };
    }
    const { storedKey, version, ...input } = parsed.data;
    if (storedKey !== undefined && storedKey !== prefixKey) {
      return { kind: 'corrupt', reason: 'prefix_key: Differs from the field it is stored under' };
    }
    parseTemplate(input.format);
    return { kind: 'config', config: { prefixKey, ...input, version: version ?? 1 } };
  } catch (error) {
    return { kind: 'corrupt', reason: error instanceof NumberGeneratorError ? error.message : 'Not valid JSON' };
  }
};
