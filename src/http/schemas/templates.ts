/** What the calls on templates and on numbers that exist take and reply. */

import { z } from 'zod';
import { prefixKeySchema } from '../../core/prefix-config/prefix-config-fields.ts';
import { EXAMPLE, SAME_AS } from '../../core/schema-marks.ts';
import { type PlacedPart, spell } from '../../core/template/layout.ts';
import type { ReadNumber, TracedReading } from '../../services/completeness/number-lookup-service.ts';
import type { TemplateMeaning } from '../../services/prefix-configs/template-service.ts';
import type { NumberPreview } from '../../services/sequences/sequence-service.ts';
import { value } from './value.ts';
import { variablesQuery } from './variables.ts';

const period = z
  .string()
  .describe('The period it counts in; "" without reset.')
  .meta({ examples: ['2026'] });

export const previewQuery = z.strictObject({ variables: variablesQuery });

export const previewReply = z
  .object({ number: z.string().meta({ examples: ['INV-2026-000124'] }), value, period })
  .meta({ id: 'NumberPreview' });

export const toPreviewReply = (preview: NumberPreview): z.output<typeof previewReply> => ({
  ...preview,
  value: `${preview.value}`,
});

export const templateQuery = z.strictObject({
  prefixKey: prefixKeySchema
    .meta({ examples: undefined })
    .optional()
    .describe('What {prefix} shows in the samples. Default PREFIX.'),
});

const MEANINGS: Readonly<Record<string, string>> = {
  prefix: 'the prefix key',
  year: 'the year, four digits',
  yy: 'the last two digits of the year',
  month: 'the month, 01 to 12',
  day: 'the day of the month, 01 to 31',
  hour: 'the hour, 00 to 23',
  quarter: 'the quarter, 1 to 4',
  week: 'the ISO week, 01 to 53',
  weekYear: 'the year that the ISO week belongs to',
  dayOfYear: 'the day of the year, 001 to 366',
  fiscalYear: 'the year in which the fiscal year starts',
};

const meaningOf = (part: PlacedPart): string => {
  if ('text' in part) return 'stands for itself';
  if ('variable' in part) return MEANINGS[part.variable] ?? part.variable;
  if ('given' in part) return `what the request gives as ${part.given}, 1 to 32 letters and digits`;
  if ('check' in part) return `check digit (${part.check}) over everything before it`;
  if (part.radix === 16) return 'the value, 32 hexadecimal digits';
  return `the value, at least ${part.seqLength} digits${part.mayGrow ? ', more when it outgrows them' : ''}`;
};

/** Parts as people read them: neighbouring literals together. */
const described = (parts: readonly PlacedPart[]): { part: string; meaning: string }[] => {
  const list: { part: string; meaning: string }[] = [];
  let isLiteral = false;
  for (const part of parts) {
    const latest = list.at(-1);
    if (latest !== undefined && isLiteral && 'text' in part) latest.part += part.text;
    else list.push({ part: spell(part), meaning: meaningOf(part) });
    isLiteral = 'text' in part;
  }
  return list;
};

export const templateReply = z
  .object({
    parts: z
      .array(z.object({ part: z.string(), meaning: z.string() }).meta({ id: 'TemplatePart' }))
      .describe('The format, piece by piece.'),
    variables: z.array(z.string()).describe('Names that requests must give in variables.'),
    samples: z
      .array(z.object({ number: z.string(), value, period }).meta({ id: 'TemplateSample' }))
      .describe('The first two numbers of now, and the first of the next period (without reset: the third).'),
    capacity: value.describe('Numbers of each period that fit the width.'),
    valuesMax: value.describe('Numbers of each period until it is exhausted.'),
    resets: z.array(z.string()).describe('The resets that show in the format.'),
  })
  .meta({
    id: 'TemplateMeaning',
    examples: [
      {
        parts: [
          { part: '{year}', meaning: 'the year, four digits' },
          { part: '-', meaning: 'stands for itself' },
          { part: '{SEQ:6}', meaning: 'the value, at least 6 digits, more when it outgrows them' },
        ],
        variables: [],
        samples: [
          { number: '2026-000001', value: '1', period: '2026' },
          { number: '2026-000002', value: '2', period: '2026' },
          { number: '2027-000001', value: '1', period: '2027' },
        ],
        capacity: '999999',
        valuesMax: '18446744073709551615',
        resets: ['never', 'yearly'],
      },
    ],
  });

export const toTemplateReply = (meaning: TemplateMeaning): z.output<typeof templateReply> => ({
  parts: described(meaning.parts),
  variables: [...meaning.givenNames],
  samples: meaning.samples.map((sample) => ({ ...sample, value: `${sample.value}` })),
  capacity: `${meaning.capacity}`,
  valuesMax: `${meaning.valuesMax}`,
  resets: [...meaning.resets],
});

const NUMBER_LENGTH_MAX = 2_048;

export const parseBody = z
  .strictObject({
    number: z
      .string()
      .min(1)
      .max(NUMBER_LENGTH_MAX)
      .describe('A number as it was issued.')
      .meta({ examples: ['INV-2026-000124'] }),
    prefixKey: prefixKeySchema.optional().describe('The only prefix to look at.'),
    prefix_key: prefixKeySchema.optional().meta({ [SAME_AS]: 'prefixKey' }),
  })
  .transform(({ number, prefixKey, prefix_key: snakeKey }, ctx) => {
    if (prefixKey !== undefined && snakeKey !== undefined && prefixKey !== snakeKey) {
      ctx.addIssue({ code: 'custom', path: ['prefix_key'], message: 'Given as prefixKey too, with another value' });
    }
    return { number, prefixKey: prefixKey ?? snakeKey };
  })
  .meta({ id: 'ParseRequest', [EXAMPLE]: { number: 'INV-2026-000124' } });

const reading = z
  .object({
    prefixKey: z.string(),
    period,
    value,
    variables: z.record(z.string(), z.string()).describe('What stands for {var:name}.'),
    checkDigit: z
      .enum(['right', 'wrong'])
      .meta({ id: 'CheckDigitState' })
      .nullable()
      .describe('null: the format has none.'),
    issued: z
      .enum(['issued', 'not-issued', 'unknown'])
      .describe('unknown: only a node that is silent, or holds it ready, could say.')
      .meta({ id: 'IssuedState' }),
    reason: z.string().describe('Why, in a sentence for people.'),
  })
  .meta({ id: 'Reading' });

export const parseReply = z
  .object({
    result: z
      .enum(['unique', 'ambiguous', 'none'])
      .describe('ambiguous: several prefixes print this number. none: no prefix does, as its format is now.')
      .meta({ id: 'ReadingResult' }),
    readings: z.array(reading),
    complete: z.boolean().describe('false: there are more prefixes than are looked at; give prefixKey to be sure.'),
  })
  .meta({
    id: 'NumberReading',
    examples: [
      {
        result: 'unique',
        readings: [
          {
            prefixKey: 'INV',
            period: '2026',
            value: '124',
            variables: {},
            checkDigit: null,
            issued: 'issued',
            reason: 'The counter has passed it, and it is missing nowhere',
          },
        ],
        complete: true,
      },
    ],
  });

const RESULTS = ['none', 'unique'] as const;

const toReading = (one: TracedReading): z.output<typeof reading> => ({
  prefixKey: one.prefixKey,
  period: one.period,
  value: `${one.value}`,
  variables: { ...one.variables },
  checkDigit: one.checkDigit ?? null,
  issued: one.issued,
  reason: one.reason,
});

export const toParseReply = ({ readings, complete }: ReadNumber): z.output<typeof parseReply> => ({
  result: RESULTS[readings.length] ?? 'ambiguous',
  readings: readings.map(toReading),
  complete,
});
