/** The tables of what a ledger has lost, which a restore may have to make in a backup of an earlier version. */
export const LEDGER_TABLES = `
  CREATE TABLE IF NOT EXISTS ledger_lost (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, first_value TEXT NOT NULL, last_value TEXT NOT NULL,
    reason TEXT NOT NULL, subject TEXT, lost_at_ms INTEGER NOT NULL, PRIMARY KEY (prefix_key, period, first_value)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ledger_floors (
    prefix_key TEXT NOT NULL, period TEXT NOT NULL, floor TEXT NOT NULL, PRIMARY KEY (prefix_key, period)
  ) STRICT, WITHOUT ROWID;
`;
