-- API keys, so that an emptied Redis loses none, and an older one brings back none that was revoked.

CREATE TABLE api_keys (
  id text COLLATE "C" PRIMARY KEY,
  -- JSON, as in Redis: hash, name, scopes. Null once the key was revoked, or has made room: its id grants nothing ever again.
  entry text,
  -- Hash of the caller that it counts to; null: it is not counted.
  owner text COLLATE "C",
  -- By the clock of the nodes; null: it never expires.
  expires_at timestamptz,
  removed_at timestamptz,
  CHECK ((entry IS NULL) = (removed_at IS NOT NULL))
);

CREATE INDEX api_keys_of ON api_keys (owner) WHERE removed_at IS NULL AND owner IS NOT NULL;
