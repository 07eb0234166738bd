/** Every nemesis, in the order of the help. */
import type { Nemesis } from '../nemesis.ts';
import { failoverNemeses } from './failovers.ts';
import { keyNemeses } from './keys.ts';
import { lossNemeses } from './losses.ts';
import { nodeNemeses } from './nodes.ts';
import { recoveryNemeses } from './recoveries.ts';
import { serverNemeses } from './servers.ts';

export const nemeses: readonly Nemesis[] = [
  ...lossNemeses,
  ...keyNemeses,
  ...failoverNemeses,
  ...recoveryNemeses,
  ...serverNemeses,
  ...nodeNemeses,
];
