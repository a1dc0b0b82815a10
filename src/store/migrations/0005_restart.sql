-- What a restart of Holdfast during the call meant for it: 'resumed' or 'interrupted'.
ALTER TABLE calls ADD COLUMN restart TEXT;
