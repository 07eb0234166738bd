/** What the service still does otherwise than the rules say, and the finding whose mending ends it. Mirrored in docs/development.md. */
import { STORE_KINDS, type StoreKind } from './site.ts';

export interface Deviation {
  readonly finding: string;
  /** The rule that is broken, as a failure names it. */
  readonly rule: string;
  readonly stores: readonly StoreKind[];
  /** Where it is broken only when processes are killed and started again. */
  readonly restarted?: readonly StoreKind[];
  /** When it is broken, in a sentence. */
  readonly what: string;
}

export const DEVIATIONS: readonly Deviation[] = [
  {
    finding: 'A20',
    rule: 'text-not-remembered',
    stores: STORE_KINDS,
    what: 'A counter keeps values, not texts: a number with another variable, or another date within its period, is read as issued.',
  },
  {
    finding: 'A20',
    rule: 'held-when-changed',
    stores: ['redis', 'postgres'],
    what: 'A value was issued while the format was changed, and the report still shows it with a node: parse answers unknown.',
  },
  {
    finding: 'A20',
    rule: 'read-by-other-format',
    stores: ['sqlite', 'postgres'],
    what: 'A ledger keeps the text, not the format: a number that a later format prints too is read with the variables of the later one.',
  },
  {
    finding: 'A14',
    rule: 'living-called-crashed',
    stores: [],
    restarted: ['redis', 'postgres'],
    what: 'Redis was killed before it answered a node that asked for a standby segment: the gap record names the segment as if the node had crashed.',
  },
  {
    finding: 'A24',
    rule: 'jumped',
    stores: ['postgres'],
    restarted: ['redis'],
    what: 'A recovery does not hear of a node in time: it jumps, though nothing was lost.',
  },
  {
    finding: 'A25',
    rule: 'issued-in-jump',
    stores: ['postgres'],
    restarted: ['redis'],
    what: 'A node was killed, or answered late, before a recovery heard of the numbers it had issued: they stand in its jump.',
  },
  {
    finding: 'A8',
    rule: 'open-though-over',
    stores: ['redis', 'postgres'],
    what: 'A period ends while values were used ahead of its counter, or a killed node holds some: those below stay open.',
  },
];

/** How the table names where. */
export const placesOf = ({ stores, restarted = [] }: Deviation): string =>
  [...stores, ...restarted.map((kind) => `${kind} restarted`)].join(', ');

/** The rules that a store may break. @param isRestarted whether its processes are killed and started again. */
export const excusedOn = (kind: StoreKind, isRestarted: boolean): ReadonlySet<string> =>
  new Set(
    DEVIATIONS.filter(
      ({ stores, restarted = [] }) => stores.includes(kind) || (isRestarted && restarted.includes(kind)),
    ).map(({ rule }) => rule),
  );
