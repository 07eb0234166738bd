-- Lets one transaction at a time count the API keys of an owner.
-- $1 owner
SELECT pg_advisory_xact_lock(hashtextextended('api_keys ' || $1, 0))
