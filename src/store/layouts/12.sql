-- Layout 12: bots.
--
-- * `users`: `owner` is whose bot the user is; a bot has no password and is of kind 0.
-- * `devices`: `scope` is what a bot's device may do and where: a byte of rights, a byte that is 1 if rooms follow, their ids.
-- * `bot_tokens`: who knows the code of this hash may bind a device to the bot, once.

ALTER TABLE users ADD COLUMN owner INTEGER REFERENCES users (id);
CREATE INDEX bots_of_user ON users (owner, id) WHERE owner IS NOT NULL;
ALTER TABLE devices ADD COLUMN scope BLOB;

CREATE TABLE bot_tokens (
    code BLOB PRIMARY KEY CHECK (length(code) = 32),
    bot INTEGER NOT NULL REFERENCES users (id),
    scope BLOB NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_bot ON bot_tokens (bot);
