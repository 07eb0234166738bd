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
    rule: 'text-not-remembered',
    stores: STORE_KINDS,
    what: 'A counter remembers values, not texts: a number that differs from the one handed out in a variable, or in a date that its period does not fix, is read as issued, and its reason says that only the value is remembered.',
  },
  {
    finding: 'A20',
    rule: 'held-when-changed',
    stores: ['redis', 'postgres'],
    what: 'Just before or after the format was changed the report shows the value with a node, and it was handed out: nobody can say in which format, and parse answers unknown.',
  },
  {
    finding: 'A20',
    rule: 'read-by-other-format',
    stores: ['sqlite', 'postgres'],
    what: 'A ledger keeps the text, not the format: a number that a later format prints too, with the same value, is read with the variables of the later one.',
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
