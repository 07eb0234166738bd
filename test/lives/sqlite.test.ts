/** Random lives on SQLite: see suite.ts. */
import { describeLives } from './suite.ts';

describeLives('sqlite');
