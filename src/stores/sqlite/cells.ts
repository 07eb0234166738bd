/** What stands in the columns of the embedded database, and the statements that read many rows of them. */
import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';

/** A row: its columns in the order of the statement. */
export type Cells = readonly SQLOutputValue[];

/** Values are text of 20 digits: SQLite's integers are signed, and the order of the texts is that of the values. */
export const wide = (value: bigint): string => value.toString().padStart(20, '0');

/** A text, or NULL. */
export const optional = (cell: unknown): string | undefined => (cell === null ? undefined : String(cell));

export interface ListStatement {
  all(...parameters: SQLInputValue[]): readonly Cells[];
}

/**
 * Rows as arrays: the objects that node:sqlite returns otherwise are dictionaries, slower to make and to read, and part
 * of each stays among V8's old objects (docs/measurements.md, "Figures behind choices in the code").
 */
export const prepareList = (handle: DatabaseSync, sql: string): ListStatement => {
  const statement = handle.prepare(sql);
  statement.setReturnArrays(true);
  // The types of node:sqlite know rows as objects only.
  return { all: (...parameters) => statement.all(...parameters) as unknown as Cells[] };
};
