/** How series and their sequences are named, and the texts that stand for them in keys, columns and maps: made and read here alone. */

/** Names one number series. */
export interface SeriesId {
  /** The tenant; `""` for the default one, which appears in no stored name and no reply. `[a-z0-9][a-z0-9-]{0,31}` otherwise. */
  readonly workspace: string;
  /** The name its clients use: `[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}`. */
  readonly prefixKey: string;
}

/** Names one counter of a series. */
export interface SequenceId {
  readonly series: SeriesId;
  /** The first day of the line that counts for itself, `2026-07-01`; `""` without. */
  readonly line: string;
  /** The values of the variables it counts by, joined by `~`; `""` without. */
  readonly scope: string;
  /** The period it counts in; `""` for a series without reset. */
  readonly period: string;
}

/** A sequence as two texts, for stores that have a column for each. */
export interface SequenceColumns {
  /** The series: `INV`, or `acme/INV` outside the default workspace. */
  readonly prefixKey: string;
  /** Its place in the series: `2026`, or with line and scope `@2026-07-01:~NORTH:2026`; `""` when the series has one counter. */
  readonly period: string;
}

export const DEFAULT_WORKSPACE = '';

export const seriesOf = (prefixKey: string, workspace = DEFAULT_WORKSPACE): SeriesId => ({ workspace, prefixKey });

/** The counter of a period of a series, of no line and no scope. */
export const sequenceOf = (series: SeriesId, period: string): SequenceId => ({ series, line: '', scope: '', period });

/** No prefix key has a slash. */
export const seriesKeyOf = ({ workspace, prefixKey }: SeriesId): string =>
  workspace === DEFAULT_WORKSPACE ? prefixKey : `${workspace}/${prefixKey}`;

export const readSeriesKey = (text: string): SeriesId => {
  const slash = text.indexOf('/');
  return slash < 0 ? seriesOf(text) : seriesOf(text.slice(slash + 1), text.slice(0, slash));
};

/** The place of a sequence in its series. No period begins with `@` or `~`, and no part has a colon. */
const placeOf = ({ line, scope, period }: SequenceId): string => {
  if (line === '' && scope === '') return period;
  return [line && `@${line}`, scope && `~${scope}`, period].filter((part) => part !== '').join(':');
};

export const columnsOf = (sequence: SequenceId): SequenceColumns => ({
  prefixKey: seriesKeyOf(sequence.series),
  period: placeOf(sequence),
});

/** The same two texts in the order in which statements name them. */
export const cellsOf = (sequence: SequenceId): [prefixKey: string, period: string] => [
  seriesKeyOf(sequence.series),
  placeOf(sequence),
];

export const readColumns = ({ prefixKey, period: place }: SequenceColumns): SequenceId => {
  const series = readSeriesKey(prefixKey);
  if (!/^[@~]/.test(place)) return sequenceOf(series, place);
  const parts = place.split(':');
  const line = parts[0]?.startsWith('@') ? parts.shift() : undefined;
  const scope = parts[0]?.startsWith('~') ? parts.shift() : undefined;
  return { series, line: line?.slice(1) ?? '', scope: scope?.slice(1) ?? '', period: parts.join(':') };
};

/** Neither a series nor a place in one has a blank. */
const SEQUENCE_KEY = /^(\S+) (\S*)$/;

/** The key of the sequence that is stored under these columns. */
export const keyOfColumns = ({ prefixKey, period }: SequenceColumns): string => `${prefixKey} ${period}`;

/** Differs from the key of every other sequence, and reads well in a log: `INV`, `INV 2026`. The same for equal sequences. */
export const sequenceKeyOf = (sequence: SequenceId): string => keyOfColumns(columnsOf(sequence));

/** The sequence of a key; undefined when the text is none. */
export const readSequenceKey = (key: string): SequenceId | undefined => {
  const [, prefixKey, period = ''] = SEQUENCE_KEY.exec(key) ?? [];
  return prefixKey === undefined ? undefined : readColumns({ prefixKey, period });
};
