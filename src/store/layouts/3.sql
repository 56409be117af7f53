-- Layout 3: the index of what was said.
--
-- * `search`: the words of messages, without the messages themselves. A row's id is the message's log and place in one number,
--   so that a stretch of a log is a stretch of ids. Words come ready made; the index only takes their English endings off.
-- * `search_cursors`: up to which place each log is indexed; the index may lag behind the logs.

CREATE VIRTUAL TABLE search USING fts5(words, content = '', contentless_delete = 1, detail = none, tokenize = 'porter ascii');

CREATE TABLE search_cursors (
    log INTEGER PRIMARY KEY REFERENCES logs (id),
    seq INTEGER NOT NULL
) STRICT;
