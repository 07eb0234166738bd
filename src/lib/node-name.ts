/** The name of this process among the nodes. */
import { randomBytes } from 'node:crypto';

const NAME_BYTES = 6;

/** Fresh at each start, so that a restarted node is another one: 12 hex digits. */
export const nameNode = (): string => randomBytes(NAME_BYTES).toString('hex');
