/** Bodies that change prefix configs: as a whole (register, PUT), or field by field (PATCH, a merge patch of RFC 7396). */
import { z } from 'zod';
import { ValidationError } from '../errors.ts';
import { fieldProblemsOf } from '../field-problems.ts';
import { EXAMPLE, SAME_AS } from '../schema-marks.ts';
import type { PrefixConfig, PrefixConfigInput } from './prefix-config.ts';
import { PAIRS, prefixKeySchema, type Spelled, shape } from './prefix-config-fields.ts';
import { checkCost, normalise, readInput } from './prefix-config-rules.ts';

/** What a call has done to a config. */
export const WRITE_STATUSES = ['registered', 'updated', 'unchanged'] as const;

const unchanged = <Schema extends z.ZodType>(schema: Schema) => schema.optional().meta({ [SAME_AS]: 'the reply' });

/** Fields of replies that cannot be changed: a change may repeat them, and they must still be true. */
const said = {
  prefixKey: unchanged(prefixKeySchema),
  prefix_key: unchanged(prefixKeySchema),
  version: unchanged(z.int('A whole number').min(1, 'A whole number')),
  status: unchanged(z.enum(WRITE_STATUSES, `One of ${WRITE_STATUSES.join(', ')}`)),
  resetToDefaults: unchanged(z.array(z.string().max(64)).max(20)),
};

type Said = z.output<z.ZodObject<typeof said>>;

/** @returns what a body repeats of the config, and what it is to change. */
const apart = <Fields extends object>({
  prefixKey,
  prefix_key,
  version,
  status: _status,
  resetToDefaults: _resetToDefaults,
  ...fields
}: Fields & Said) => ({ said: { prefixKey, prefix_key, version }, fields });

/** What a body repeats of the config. */
export type SaidOfConfig = Pick<Said, 'prefixKey' | 'prefix_key' | 'version'>;

/** Names as replies spell them. */
const REPLIED: ReadonlyMap<string, string> = new Map(PAIRS.map(([camelCase, snakeCase]) => [snakeCase, camelCase]));
const namesIn = (fields: object): ReadonlySet<string> =>
  new Set(Object.keys(fields).map((name) => REPLIED.get(name) ?? name));

/** What a client may send to register or change a prefix config: its fields, or a whole reply. */
export const prefixConfigBodySchema = z
  .strictObject({ ...shape, ...said })
  .transform((body, ctx) => {
    const { said: told, fields } = apart(body);
    return { said: told, given: namesIn(fields), input: readInput(fields, ctx) };
  })
  .meta({ id: 'PrefixConfigRequest', [EXAMPLE]: { format: 'INV-{year}-{SEQ:6}', reset: 'yearly' } });

/** Fields with a default of their own; the length of the sequence comes from the format. */
const REPLACED = [
  'initialSeq',
  'strategy',
  'reset',
  'timeZone',
  'fiscalYearStart',
  'overflow',
  'outage',
  'allowPast',
  'allowCollision',
] as const satisfies (keyof PrefixConfigInput)[];

/** @returns the fields that a change has set back to their defaults by not naming them, as replies spell them. */
export const resetBetween = (
  before: PrefixConfig,
  after: PrefixConfig,
  given: ReadonlySet<string>,
): (keyof PrefixConfigInput)[] => REPLACED.filter((name) => !given.has(name) && before[name] !== after[name]);

const CHANGED = ['format', 'seqLength', ...REPLACED] as const;

const orNull = <Schema extends z.ZodType>(schema: z.ZodOptional<Schema>) => schema.unwrap().nullable().optional();
const aliasOrNull = <Schema extends z.ZodType>(schema: z.ZodOptional<Schema>, camelCase: string) =>
  orNull(schema).meta({ [SAME_AS]: camelCase });

const patchShape = {
  format: shape.format.optional(),
  seqLength: orNull(shape.seqLength),
  seq_length: aliasOrNull(shape.seq_length, 'seqLength'),
  initialSeq: orNull(shape.initialSeq),
  initial_seq: aliasOrNull(shape.initial_seq, 'initialSeq'),
  strategy: orNull(shape.strategy),
  reset: orNull(shape.reset),
  timeZone: orNull(shape.timeZone),
  time_zone: aliasOrNull(shape.time_zone, 'timeZone'),
  fiscalYearStart: orNull(shape.fiscalYearStart),
  fiscal_year_start: aliasOrNull(shape.fiscal_year_start, 'fiscalYearStart'),
  overflow: orNull(shape.overflow),
  outage: orNull(shape.outage),
  allowPast: orNull(shape.allowPast),
  allow_past: aliasOrNull(shape.allow_past, 'allowPast'),
  allowCollision: orNull(shape.allowCollision),
  allow_collision: aliasOrNull(shape.allow_collision, 'allowCollision'),
};

/** The fields to change; null sets one back to its default. */
export type PrefixConfigPatch = z.output<z.ZodObject<typeof patchShape>>;

/** A merge patch. Fields of a reply may be part of it. */
export const prefixConfigPatchSchema = z
  .strictObject({ ...patchShape, ...said })
  .transform((body, ctx) => {
    const { said: told, fields: patch } = apart(body);
    for (const [camelCase, snakeCase] of PAIRS) {
      const [one, other] = [patch[camelCase], patch[snakeCase]];
      if (one === undefined || other === undefined || (one === null) === (other === null)) continue;
      ctx.addIssue({ code: 'custom', path: [snakeCase], message: `Given as ${camelCase} too, with another value` });
    }
    return { said: told, patch };
  })
  .meta({ id: 'PrefixConfigPatch', [EXAMPLE]: { outage: 'standby' } });

const written = z.strictObject(shape).transform(readInput);
/** Stored fields stay as they are where a patch does not name them. */
const kept = z.strictObject(shape).transform(normalise);
/** The same, but checks the length, which the patch may have made too large. */
const stretched = z.strictObject(shape).transform((raw, ctx) => {
  const input = normalise(raw, ctx);
  checkCost(input, ctx);
  return input;
});

/** The fields of a config that a patch does not name, under the names of requests. */
const keptOf = (config: PrefixConfig, patch: PrefixConfigPatch): Partial<Spelled> => {
  const fields = Object.fromEntries(CHANGED.map((name) => [name, config[name]]));
  const named = namesIn(patch);
  // A new format contains its length, except {SEQ}, which takes that of the field beside it.
  const follows = patch.format !== undefined && !patch.format.includes('{SEQ}');
  const stays = ([name]: [string, unknown]): boolean => !named.has(name) && !(follows && name === 'seqLength');
  return Object.fromEntries(Object.entries({ ...fields, initialSeq: config.initialSeq.toString() }).filter(stays));
};

/** @returns what the config would be with the patch. @throws ValidationError */
export const patched = (config: PrefixConfig, patch: PrefixConfigPatch): PrefixConfigInput => {
  const changes = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null));
  const unnamed = patch.overflow === undefined ? kept : stretched;
  const schema = patch.format === undefined ? unnamed : written;
  const merged = schema.safeParse({ ...keptOf(config, patch), ...changes });
  if (merged.success) return merged.data;
  throw new ValidationError(fieldProblemsOf(merged.error.issues, 'body'));
};

/** Whether the config has all of these values already. */
export const saysAlready = (config: PrefixConfig, input: PrefixConfigInput): boolean =>
  CHANGED.every((name) => config[name] === input[name]);
