-- A call may come to several queues; the row tells of the last one, `visits` (JSON, an array) of those before.
-- turned_away: why the call could not join. sent_to: where it went outside of every queue.
ALTER TABLE calls ADD COLUMN hold_ms     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calls ADD COLUMN turned_away TEXT;
ALTER TABLE calls ADD COLUMN sent_to     TEXT;
ALTER TABLE calls ADD COLUMN visits      TEXT    NOT NULL DEFAULT '[]';
ALTER TABLE calls ADD COLUMN disposition TEXT;
