-- Layout 4: desks. `logs.desk` is set for a ticket: the room whose members see to it.

ALTER TABLE logs ADD COLUMN desk INTEGER REFERENCES logs (id);
