/** What the service still does otherwise than the rules say, and the finding whose mending ends it. Mirrored in docs/development.md. */
import type { StoreKind } from './site.ts';

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
    finding: 'A8',
    rule: 'open-though-over',
    stores: ['redis', 'postgres'],
    what: 'A period ends while values were used ahead of its counter, or a killed node holds some: those below stay open for ever.',
  },
];

/** The rules that a store may break. */
export const excusedOn = (kind: StoreKind): ReadonlySet<string> =>
  new Set(DEVIATIONS.filter(({ stores }) => stores.includes(kind)).map(({ rule }) => rule));
