-- Looks API keys up.
-- $1 ids
-- Returns those there are, or were: id, entry; null: removed.
SELECT id, entry FROM api_keys WHERE id = ANY ($1::text[])
