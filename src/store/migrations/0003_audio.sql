-- How well both sides were heard (JSON, an object with "caller" and "agent" where anything was measured).
ALTER TABLE calls ADD COLUMN audio TEXT;
