/** Every mutant meets the same random cases: otherwise one would be noticed today and not tomorrow. */
import fc from 'fast-check';

fc.configureGlobal({ seed: 1 });
