-- Commands for later. `state` goes from waiting over running to one of its ends, and is committed before anything acts.
-- `sentence` is what was said without the time, `sentences` the plain ones that it means, a JSON list.
-- `actions` is what was authorised when it was said: [{"action", "target", "data"}].
CREATE TABLE delayed (
    id TEXT PRIMARY KEY NOT NULL,
    said_at BIGINT NOT NULL,
    due BIGINT NOT NULL,
    sentence TEXT NOT NULL,
    sentences TEXT NOT NULL,
    language TEXT NOT NULL,
    device TEXT,
    satellite TEXT,
    actions TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'missed', 'interrupted', 'cancelled')),
    code TEXT,
    changed_at BIGINT NOT NULL
);
CREATE INDEX delayed_by_state ON delayed (state, due);
