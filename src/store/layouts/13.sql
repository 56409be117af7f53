-- Layout 13: who is named where.
--
-- * `mentions`: the users that the newest text of a message names, its author aside. Erasing the message forgets them. Messages
--   from before this layout have none: they count as unread, not as mentions.

CREATE TABLE mentions (
    user INTEGER NOT NULL REFERENCES users (id),
    log INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user, log, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_of_post ON mentions (log, seq);
CREATE TRIGGER mentions_of_erased AFTER UPDATE OF body ON events WHEN NEW.body IS NULL
BEGIN DELETE FROM mentions WHERE log = NEW.log AND seq = NEW.seq; END;
