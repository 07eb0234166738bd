-- Since which epoch each one was granted to the same server: epochs that were granted twice over, as when a reply is late, then cost no
-- receipt, for nobody else can have counted in between.

-- Good only beside the epoch in which it was written: an earlier release grants epochs without it.
ALTER TABLE ceilings ADD COLUMN granted_since numeric(20, 0);
ALTER TABLE ceilings ADD COLUMN granted_in numeric(20, 0);
