-- The number the caller called first, when somebody else sent him on to us.
ALTER TABLE calls ADD COLUMN diverted_from TEXT;
-- Its legs in SIP (JSON, a list of {"at_ms", "with", "sip_call_id"}), the caller's first.
ALTER TABLE calls ADD COLUMN legs TEXT;
