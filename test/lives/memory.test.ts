/** Random lives in memory: see suite.ts. */
import { describeLives } from './suite.ts';

describeLives('memory');
