-- A pattern that was forgotten can be given back: its newest tombstone says so.
ALTER TABLE tombstones ADD COLUMN IF NOT EXISTS taken_back UInt8 DEFAULT 0;
