-- Which nodes a recovery went on without, so that later ones need not wait for them again.

-- They are registered, and have not counted in this sequence since; what they hold lies at or below `base`.
ALTER TABLE ceilings ADD COLUMN jumped_without text[] NOT NULL DEFAULT '{}';

-- Whether the node takes itself out of `jumped_without` before it counts. One of an earlier release does not.
ALTER TABLE nodes ADD COLUMN rejoins boolean NOT NULL DEFAULT false;
