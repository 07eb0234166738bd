/** The names of everything the service keeps in Redis; operators read and preload them, so they never change. */
import type { SequenceName } from '../../core/sequence-store.ts';

/** Hash: prefix key → config as JSON with snake_case names. */
export const PREFIX_CONFIGS_KEY = 'prefix_configs';

/** Channel: a message is the prefix key whose config was changed. */
export const PREFIX_CONFIGS_CHANNEL = 'prefix_configs:changed';

/** String: the last value taken. With a period the braces keep all keys of a sequence in one cluster slot. */
export const counterKey = ({ prefixKey, period }: SequenceName): string =>
  period === '' ? `sequence:${prefixKey}` : `{sequence:${prefixKey}}:${period}`;
