/** Random lives on Redis and PostgreSQL: see suite.ts. */
import { describeLives } from './suite.ts';

describeLives('postgres');
