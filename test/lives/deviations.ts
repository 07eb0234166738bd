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
    finding: 'A14',
    rule: 'living-called-crashed',
    stores: [],
    restarted: ['redis', 'postgres'],
    what: 'Redis was killed before it answered a node that asked for a standby segment: the node lives on and has none, and the segment stands in the gap record as if the node had crashed.',
  },
  {
    finding: 'A24',
    rule: 'jumped',
    stores: ['postgres'],
    restarted: ['redis'],
    what: 'A recovery, of a Redis that was started again or of a sequence that is used first, does not hear of a node in time: it jumps, though nothing was lost.',
  },
  {
    finding: 'A25',
    rule: 'issued-in-jump',
    stores: ['postgres'],
    restarted: ['redis'],
    what: 'A node that had issued numbers was killed, or answered late on a busy machine, before a recovery heard of them: they stand in its jump.',
  },
  {
    finding: 'A8',
    rule: 'open-though-over',
    stores: ['redis', 'postgres'],
    what: 'A period ends while values were used ahead of its counter, or a killed node holds some: those below stay open for ever.',
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
