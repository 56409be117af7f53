-- Layout 7: read markers with what unread messages are counted from.
--
-- * `read_markers`: `post_number` is how many posts the log had at `seq`; `marked_ms` and `request` are of the last time it was
--   moved by hand.

DROP TABLE read_markers;
CREATE TABLE read_markers (
    user INTEGER NOT NULL REFERENCES users (id),
    log INTEGER NOT NULL REFERENCES logs (id),
    seq INTEGER NOT NULL,
    post_number INTEGER NOT NULL,
    marked_ms INTEGER NOT NULL,
    request BLOB CHECK (length(request) = 16),
    PRIMARY KEY (user, log)
) STRICT, WITHOUT ROWID;
INSERT INTO read_markers (user, log, seq, post_number, marked_ms)
    SELECT user, log, head_seq, post_count, 0 FROM memberships JOIN logs ON logs.id = log WHERE to_seq IS NULL;
