-- Layout 10: accounts that were deleted.
--
-- * `users`: `deleted_ms` is when the account ended; its row and its name stay, so that nobody else gets them.

ALTER TABLE users ADD COLUMN deleted_ms INTEGER;
CREATE INDEX memberships_of_user ON memberships (user, log);
