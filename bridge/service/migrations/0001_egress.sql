-- What left the local network, word for word. Times are microseconds since 1970 UTC; ids are UUIDv7, so they sort by time.
CREATE TABLE egress (
    id TEXT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    run TEXT,
    host TEXT NOT NULL,
    purpose TEXT NOT NULL,
    privacy TEXT NOT NULL,
    body TEXT NOT NULL,
    size BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT
);
CREATE INDEX egress_by_time ON egress (at);
