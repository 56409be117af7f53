-- Layout 16: the index forgets the words of erased messages.
--
-- * `chores`: at most one of kind 5, which begins that some hours after an erasure.
-- * `meta`: `forgetting` says how far it is, while it is under way.

CREATE UNIQUE INDEX forgetting_waits ON chores (kind) WHERE kind = 5;
INSERT INTO search (search, rank) VALUES ('usermerge', 2);
