-- Layout 2: what a room is set to, who was invited to it or banned from it, ignored people, reports, chores.
--
-- * `logs`: `slow_s` seconds between two posts of one member; `retention_days`, `retention_posts` what is kept of posts, null
--   for all; `erased_seq` the place up to which retention has been through; `archived` 1 when the room takes nothing more;
--   `template` 0 plain, 1 ticket, 2 class; `ticket` 0 open, 1 assigned, 2 resolved.
-- * `memberships`: `last_post_ms` is kept in slow mode only.
-- * `tags`: what a room is found by, folded.
-- * `invites`: who may come into a room whatever else it asks; gone when they come.
-- * `bans`: who may not come.
-- * `ignores`: whose messages a user does not want.
-- * `reports`: what members told the moderators, by message.
-- * `chores`: work that is due later or too much for one command. `kind` and `state` are the rules' own; `user` and `device`
--   say in whose name it is done.

ALTER TABLE logs ADD COLUMN slow_s INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN retention_posts INTEGER;
ALTER TABLE logs ADD COLUMN erased_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE logs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived BETWEEN 0 AND 1);
ALTER TABLE logs ADD COLUMN template INTEGER NOT NULL DEFAULT 0 CHECK (template BETWEEN 0 AND 2);
ALTER TABLE logs ADD COLUMN ticket INTEGER NOT NULL DEFAULT 0 CHECK (ticket BETWEEN 0 AND 2);

ALTER TABLE memberships ADD COLUMN last_post_ms INTEGER;

CREATE TABLE tags (
    log INTEGER NOT NULL REFERENCES logs (id),
    tag TEXT NOT NULL,
    PRIMARY KEY (log, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE invites (
    log INTEGER NOT NULL REFERENCES logs (id),
    user INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (log, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE bans (
    log INTEGER NOT NULL REFERENCES logs (id),
    user INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (log, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE ignores (
    user INTEGER NOT NULL REFERENCES users (id),
    ignored INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (user, ignored)
) STRICT, WITHOUT ROWID;

CREATE TABLE reports (
    log INTEGER NOT NULL REFERENCES logs (id),
    seq INTEGER NOT NULL,
    reporter INTEGER NOT NULL REFERENCES users (id),
    reason TEXT NOT NULL,
    time_ms INTEGER NOT NULL,
    PRIMARY KEY (log, seq, reporter)
) STRICT, WITHOUT ROWID;

CREATE TABLE chores (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    due_ms INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    user INTEGER NOT NULL REFERENCES users (id),
    device INTEGER NOT NULL REFERENCES devices (id),
    log INTEGER REFERENCES logs (id),
    state BLOB NOT NULL
) STRICT;
CREATE INDEX chores_by_due ON chores (due_ms, id);
CREATE INDEX chores_of_log ON chores (log, kind) WHERE log IS NOT NULL;
