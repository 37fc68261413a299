-- What was asked for and cannot be done yet, word for word: tasks, and things to remember. Times are microseconds since
-- 1970 UTC; ids are UUIDv7. After `keep_until` a row is removed.
CREATE TABLE request (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    keep_until BIGINT NOT NULL,
    place TEXT,
    language TEXT NOT NULL,
    words TEXT NOT NULL,
    route TEXT NOT NULL CHECK (route IN ('delegate', 'remember'))
);
CREATE INDEX request_by_end ON request (keep_until);
