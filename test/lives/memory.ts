/** What the owner of a series remembers: every number it was given, every move of the sequence it asked for, every refusal. */
import type { Body, Row, Variables } from './driver.ts';

/** One number that was handed out. */
export interface Given {
  readonly text: string;
  readonly value: bigint;
  readonly period: string;
  readonly atMs: number;
  readonly format: string;
  readonly variables: Variables;
  readonly source: string;
  readonly node: string;
  readonly strategy: string;
  /** `brief`: a reservation that ends by itself, at any moment. */
  state: 'issued' | 'reserved' | 'brief' | 'confirmed' | 'void';
}

export interface PeriodMemory {
  readonly name: string;
  /** A day of the period. */
  readonly atMs: number;
  readonly given: Map<bigint, Given>;
  /** Where counting may have begun: one value, unless the first calls had no reply. */
  readonly origins: Set<bigint>;
  hasBegun: boolean;
  /** The highest value that somebody asked to go on above. */
  movedTo: bigint;
  /** Values that a node may have been given without handing them out, by node. */
  readonly onTheWay: Map<string, bigint>;
  closed: boolean;
  /** Whether something was asked of it while PostgreSQL or Redis did not answer. */
  isUnclear: boolean;
}

export interface Reserved {
  readonly id: string;
  readonly given: Given;
}

/** A request under an idempotency key. */
export interface Keyed {
  readonly count: number;
  readonly date: string | undefined;
  readonly variables: Variables;
  readonly firstMs: number;
  /** What it may have been printed with, attempt by attempt. */
  readonly attempts: {
    readonly format: string;
    readonly atMs: number;
    readonly period: string;
    readonly node: string;
  }[];
  numbers: readonly string[] | undefined;
}

/** A moment at which the format may have changed. */
export interface FormatEnd {
  /** What nodes held just before and just after, by period: in which format they hand it out nobody knows. */
  readonly held: ReadonlyMap<string, readonly Pick<Row, 'first' | 'last'>[]>;
  /** The earliest period of which it was written down where it stood. */
  readonly earliest: string;
}

export interface Memory {
  readonly prefixKey: string;
  body: Body | undefined;
  version: number;
  /** All formats it ever had. */
  readonly bodies: Body[];
  readonly ends: FormatEnd[];
  readonly texts: Map<string, Given>;
  readonly periods: Map<string, PeriodMemory>;
  readonly reservations: Reserved[];
  readonly keyed: Map<number, Keyed>;
  /** The config as each node knows it; undefined: that there is none. */
  readonly heard: Map<string, Body | undefined>;
  /** Nodes that ended without giving anything back. */
  readonly crashed: Set<string>;
  /** Whether living nodes may have something of which they did not say yet what became of it: until the end. */
  unsettled: boolean;
  /** Rules that are known to be broken. */
  readonly excused: ReadonlySet<string>;
  /** Those that were. */
  readonly broken: Set<string>;
  readonly log: string[];
}

export const createMemory = (prefixKey: string, excused: ReadonlySet<string>): Memory => ({
  prefixKey,
  body: undefined,
  version: 0,
  bodies: [],
  ends: [],
  texts: new Map(),
  periods: new Map(),
  reservations: [],
  keyed: new Map(),
  heard: new Map(),
  crashed: new Set(),
  unsettled: true,
  excused,
  broken: new Set(),
  log: [],
});

export const periodIn = (memory: Memory, name: string, atMs: number): PeriodMemory => {
  const known = memory.periods.get(name);
  if (known !== undefined) return known;
  const fresh: PeriodMemory = {
    name,
    atMs,
    given: new Map(),
    origins: new Set(),
    hasBegun: false,
    movedTo: 0n,
    onTheWay: new Map(),
    closed: false,
    isUnclear: false,
  };
  memory.periods.set(name, fresh);
  return fresh;
};

/** Something is not as it should be. `rule` names what, for the table of known deviations. */
export class LifeBreach extends Error {
  readonly rule: string;
  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.rule = rule;
  }
}

export const breach = (rule: string, what: string): never => {
  throw new LifeBreach(rule, what);
};

export const demand = (holds: boolean, rule: string, what: () => string): void => {
  if (!holds) breach(rule, what());
};

/** A rule of which deviations are known: a life that meets one goes on. */
export const demandUnlessKnown = (memory: Memory, holds: boolean, rule: string, what: () => string): void => {
  if (holds) return;
  if (memory.excused.has(rule)) memory.broken.add(rule);
  else breach(rule, what());
};
