/** The statements: one file each, prepared once per connection. */
import { readFileSync } from 'node:fs';

export interface SqlStatement {
  readonly name: string;
  readonly text: string;
}

/** Loads `sql/<name>.sql`. Meant for start-up: it reads the file synchronously. */
export const loadSql = (name: string): SqlStatement => ({
  name,
  text: readFileSync(new URL(`sql/${name}.sql`, import.meta.url), 'utf8'),
});
