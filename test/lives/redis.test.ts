/** Random lives on Redis alone: see suite.ts. */
import { describeLives } from './suite.ts';

describeLives('redis');
