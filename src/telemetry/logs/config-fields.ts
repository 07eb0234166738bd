/** What a line of the log says of a prefix config, and of a change to one. */
import type { PrefixConfig } from '../../core/prefix-config/prefix-config.ts';

export const configFields = (config: PrefixConfig): Record<string, unknown> => ({
  prefix_key: config.prefixKey,
  format: config.format,
  seq_length: config.seqLength,
  initial_seq: config.initialSeq,
  version: config.version,
});

/** `timeZone` → `time_zone` */
const spell = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** All that was chosen of a config; the masks of the log hide its initial value. */
const chosenFields = ({ prefixKey: _key, former: _former, unknown: _unknown, ...chosen }: PrefixConfig) =>
  Object.fromEntries(Object.entries(chosen).map(([name, value]) => [spell(name), value]));

/** The fields that are no longer the same, named: of a masked one nothing else is seen. */
const changedFields = (before: PrefixConfig, after: PrefixConfig): string[] => {
  const former = chosenFields(before);
  return Object.entries(chosenFields(after))
    .filter(([name, value]) => name !== 'version' && former[name] !== value)
    .map(([name]) => name);
};

/** What a change of a config made of what; undefined: there was, or is, none, or it could not be read. */
export const changeFields = (
  before: PrefixConfig | undefined,
  after: PrefixConfig | undefined,
): Record<string, unknown> => ({
  ...(before !== undefined && { before: chosenFields(before) }),
  ...(after !== undefined && { after: chosenFields(after) }),
  ...(before !== undefined && after !== undefined && { changed: changedFields(before, after) }),
});
