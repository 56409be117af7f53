-- Layout 14: who keeps order in a room is found without looking through its members.

CREATE INDEX keepers ON memberships (log, role, from_seq, user) WHERE to_seq IS NULL AND role < 2;
