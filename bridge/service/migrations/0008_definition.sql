-- What agents are made of, for good: an image that was removed is made anew from it. `digest` is that of the canonical
-- JSON in `body`; `at` is when it was first used, microseconds since 1970 UTC.
CREATE TABLE definition (
    digest TEXT PRIMARY KEY NOT NULL,
    agent TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX definition_of_agent ON definition (agent, at);
