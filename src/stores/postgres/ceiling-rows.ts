/** Rows of the tables `ceilings` and `gaps` as what the rules work with, and back. */
import { createHash } from 'node:crypto';
import type { CeilingEntry } from '../../core/ceiling/ceiling-rule.ts';
import type { Ceiling } from '../../core/ceiling/ceiling-store.ts';
import type { Gap, GapReason } from '../../core/values/gap.ts';
import type { Row } from './postgres-client.ts';

const text = (row: Row, column: string): string => row[column] ?? '';
const value = (row: Row, column: string): bigint => BigInt(text(row, column));

/** A column that may be null. */
const valueIfAny = (row: Row, column: string): bigint | undefined =>
  row[column] === null || row[column] === undefined ? undefined : value(row, column);

export const readCeiling = (row: Row): Ceiling => ({
  epoch: value(row, 'epoch'),
  ceiling: value(row, 'ceiling'),
  origin: valueIfAny(row, 'origin'),
});

export const readEntry = (row: Row): CeilingEntry => ({
  ...readCeiling(row),
  server: text(row, 'server'),
  grantedSince: value(row, 'granted_since'),
  base: value(row, 'base'),
  jumpedWithout: JSON.parse(text(row, 'jumped_without')) as readonly string[],
  account:
    row['account_value'] === null
      ? undefined
      : { value: value(row, 'account_value'), changes: Number(row['account_changes']) },
});

export const readGap = (row: Row): Gap => ({
  range: { first: value(row, 'first'), last: value(row, 'last') },
  // The only writer is this service.
  reason: text(row, 'reason') as GapReason,
  node: row['node'] ?? undefined,
  recordedAtMs: Number(row['recorded_at_ms']),
});

/** A gap of one sequence among many. */
export interface PlacedGap {
  readonly index: number;
  readonly gap: Gap;
}

const fieldsOf = ({ range, reason, node, recordedAtMs }: Gap) => ({
  first: range.first.toString(),
  last: range.last.toString(),
  reason,
  node: node ?? null,
  recorded_at_ms: recordedAtMs,
});

export const encodeGap = (gap: Gap): string => JSON.stringify(fieldsOf(gap));

/** As the statement `put-gaps` takes them. */
export const encodePlacedGaps = (placed: readonly PlacedGap[]): string =>
  JSON.stringify(placed.map(({ index, gap }) => ({ position: index + 1, ...fieldsOf(gap) })));

/** The same for the same gaps in the same order. */
export const digestOf = (gaps: readonly Gap[]): string =>
  createHash('sha256')
    .update(JSON.stringify(gaps.map(fieldsOf)))
    .digest('base64url');
