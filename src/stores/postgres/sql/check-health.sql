-- Answers with a row when the server can be written to: a standby server cannot.
SELECT 1 AS ready WHERE current_setting('transaction_read_only') = 'off'
