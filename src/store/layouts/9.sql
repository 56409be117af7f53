-- Layout 9: files of messages.
--
-- * `files`: which message has which file. The bytes are in files of their own, named by their hash; one that no row names is
--   removed. `user` is who sent it, whose share of the disk it counts against. Erasing a message lets go of its file.

CREATE TABLE files (
    log INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    user INTEGER NOT NULL REFERENCES users (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    len INTEGER NOT NULL CHECK (len >= 0),
    PRIMARY KEY (log, seq),
    FOREIGN KEY (log, seq) REFERENCES events (log, seq) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX files_of_user ON files (user, len);
CREATE INDEX files_by_hash ON files (hash);
CREATE TRIGGER file_of_erased AFTER UPDATE OF body ON events WHEN NEW.body IS NULL
BEGIN DELETE FROM files WHERE log = NEW.log AND seq = NEW.seq; END;
