-- Layout 5: kinds of accounts, profiles, invitations.
--
-- * `users`: `kind` 0 a person, 1 a guest. `role` 0 a user, 1 an admin of the server. `about` is a line about themselves, `tags`
--   are words between spaces.
-- * `meta`: `claim` is the hash, in hexadecimal, of the code that makes its user an admin; empty when it was used.
-- * `invitations`: who knows the code of this hash may register, so often and so long.

ALTER TABLE users ADD COLUMN kind INTEGER NOT NULL DEFAULT 0 CHECK (kind BETWEEN 0 AND 1);
UPDATE users SET kind = 1 WHERE password_hash IS NULL;
ALTER TABLE users ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN tags TEXT NOT NULL DEFAULT '';

CREATE TABLE invitations (
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    maker INTEGER NOT NULL REFERENCES users (id),
    uses_left INTEGER NOT NULL CHECK (uses_left > 0),
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invitations_by_expiry ON invitations (expires_ms);
