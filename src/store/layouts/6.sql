-- Layout 6: what became of messages. Everything here follows from the events and spares reading the log for it.
--
-- * `edits`: the events that brought new texts of a message.
-- * `reactions`: who shows which reaction to a message, and the event that says so.
-- * `pins`: the pinned messages, and the events that pinned them.
-- * `threads`: the beginnings of threads: how many messages answer them or their answers and were not deleted, and the event
--   that resolved them.

CREATE TABLE edits (
    log INTEGER NOT NULL REFERENCES logs (id),
    post INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > post),
    PRIMARY KEY (log, post, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE reactions (
    log INTEGER NOT NULL REFERENCES logs (id),
    post INTEGER NOT NULL,
    reaction TEXT NOT NULL,
    user INTEGER NOT NULL REFERENCES users (id),
    seq INTEGER NOT NULL CHECK (seq > post),
    PRIMARY KEY (log, post, reaction, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE pins (
    log INTEGER NOT NULL REFERENCES logs (id),
    post INTEGER NOT NULL,
    seq INTEGER NOT NULL CHECK (seq > post),
    PRIMARY KEY (log, post)
) STRICT, WITHOUT ROWID;

CREATE TABLE threads (
    log INTEGER NOT NULL REFERENCES logs (id),
    root INTEGER NOT NULL,
    reply_count INTEGER NOT NULL DEFAULT 0 CHECK (reply_count >= 0),
    resolved_seq INTEGER CHECK (resolved_seq > root),
    PRIMARY KEY (log, root)
) STRICT, WITHOUT ROWID;
CREATE INDEX open_threads ON threads (log, root) WHERE resolved_seq IS NULL;
