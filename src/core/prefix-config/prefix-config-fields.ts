/** The fields of a prefix config as a client writes them: each with its rule and its description, in both spellings. */
import { z } from 'zod';
import { SAME_AS } from '../schema-marks.ts';
import { isTimeZone } from '../template/calendar.ts';
import { RESETS } from '../template/period.ts';
import { SEQ_LENGTH_MAX } from '../template/template.ts';
import { STRATEGIES } from './numbering.ts';
import { PREFIX_KEY } from './prefix-config.ts';

export const prefixKeySchema = z
  .string()
  .regex(PREFIX_KEY, 'A prefix key has 1 to 64 characters: letters, digits, _ . : -, beginning with a letter or digit')
  .describe('The client-visible name of a number series.')
  .meta({ examples: ['INV'] });

export const INITIAL_SEQ_RULE =
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
      // A union passes on the message of the closest option, so each needs the rule.
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
