-- Layout 8: the chores of a user are found by their user.

CREATE INDEX chores_of_user ON chores (user, kind, id);
