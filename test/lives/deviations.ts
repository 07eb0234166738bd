/** What the service still does otherwise than the rules say, and the finding whose mending ends it. Mirrored in docs/development.md. */
import { STORE_KINDS, type StoreKind } from './site.ts';

export interface Deviation {
  readonly finding: string;
  /** The rule that is broken, as a failure names it. */
  readonly rule: string;
  readonly stores: readonly StoreKind[];
  /** When it is broken, in a sentence. */
  readonly what: string;
}

export const DEVIATIONS: readonly Deviation[] = [
  {
    finding: 'A20',
    rule: 'report-prints-otherwise',
    stores: STORE_KINDS,
    what: 'The format was changed since a number was handed out.',
  },
  {
    finding: 'A20',
    rule: 'issued-not-read',
    stores: STORE_KINDS,
    what: 'The format was changed since a number was handed out.',
  },
  {
    finding: 'A20',
    rule: 'parse-invents',
    stores: STORE_KINDS,
    what: 'A number is written in a format that the prefix did not have when its value was handed out.',
  },
  {
    finding: 'L1',
    rule: 'looked-for-elsewhere',
    stores: ['sqlite', 'postgres'],
    what: 'The strategy was changed to or from gapless after a period in which numbers were handed out: that period is looked for in the other store.',
  },
  {
    finding: 'A8',
    rule: 'open-though-over',
    stores: ['redis', 'postgres'],
    what: 'A period ends while values were used ahead of its counter, or a killed node holds some: those below stay open for ever.',
  },
];

/** The rules that a store may break. */
export const excusedOn = (kind: StoreKind): ReadonlySet<string> =>
  new Set(DEVIATIONS.filter(({ stores }) => stores.includes(kind)).map(({ rule }) => rule));
