-- Whom the caller was passed on to (JSON, a list of {"at_ms", "by", "to", "done"}).
ALTER TABLE calls ADD COLUMN transfers TEXT;
