-- Layout 15: invitations of users to rooms, and bans, end with the user; those of accounts that were deleted before are removed.

CREATE INDEX invites_of_user ON invites (user, log);
CREATE INDEX bans_of_user ON bans (user, log);
DELETE FROM invites WHERE user IN (SELECT id FROM users WHERE deleted_ms IS NOT NULL);
DELETE FROM bans WHERE user IN (SELECT id FROM users WHERE deleted_ms IS NOT NULL);
