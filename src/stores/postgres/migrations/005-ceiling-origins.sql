-- Where each sequence began, so that reports know it when the counter store was emptied.

-- The value before the first that was ever handed out; null: the sequence began under an earlier version, and nobody has said since.
ALTER TABLE ceilings ADD COLUMN origin numeric(20, 0);
