/** Makes prefix configs the way a registration does: what a client would send, completed with the defaults. */
import type { PrefixConfig } from '../../../src/core/prefix-config/prefix-config.ts';
import { prefixConfigInputSchema } from '../../../src/core/prefix-config/prefix-config-rules.ts';

export const configOf = (prefixKey: string, input: object, version = 1): PrefixConfig => ({
  prefixKey,
  ...prefixConfigInputSchema.parse(input),
  version,
});
