/** Prefix configs as stores and operators write them: JSON with snake_case names, read by every version that may meet it. */

import { z } from 'zod';
import { NumberGeneratorError } from '../errors.ts';
import { fieldProblemsOf } from '../field-problems.ts';
import { RESETS } from '../template/period.ts';
import { parseTemplate } from '../template/template.ts';
import { FORMER_MAX, numberingSchema, STRATEGIES } from './numbering.ts';
import { PREFIX_KEY, type PrefixConfig, type StoredConfig } from './prefix-config.ts';
import { shape } from './prefix-config-fields.ts';
import { normalise } from './prefix-config-rules.ts';

const storedShape = {
  ...shape,
  prefix_key: z.string().optional(),
  version: z.int().min(1).optional(),
  former: z.array(numberingSchema).max(FORMER_MAX).optional(),
};

/** The fields of later versions; undefined when there are none. */
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

/** Leaves a field out when it has its default: an older version that reads the config may not know it. */
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

/** Fields with a set of choices that a later version may extend, with the choices of this one. */
const CHOICES = {
  strategy: STRATEGIES,
  reset: RESETS,
  overflow: ['extend', 'reject'],
  outage: ['standby', 'temporary', 'reject'],
} as const satisfies Record<string, readonly string[]>;

/**
 * @returns what only a later version can have written into the entry, as sentences; empty when there is nothing of the
 * kind.
 */
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
