-- Tasks that agents carry out elsewhere. Times are microseconds since 1970 UTC; spec, origin and bodies are JSON of the
-- contract. `fence` is the highest attempt that was handed out, `begun` how often the task was begun; who has the fence
-- speaks for the task. `priority` is 0 where somebody waits for it. migrations/0006_task.sql is the same.
CREATE TABLE task (
    id TEXT PRIMARY KEY NOT NULL,
    spec TEXT NOT NULL,
    digest TEXT NOT NULL,
    origin TEXT NOT NULL,
    agent TEXT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'failed', 'cancelled', 'expired')),
    code TEXT,
    begun BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    worker TEXT,
    accepted_at BIGINT NOT NULL,
    ready_at BIGINT NOT NULL,
    leased_at BIGINT,
    lease_until BIGINT,
    deadline BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX task_under_way ON task (priority, accepted_at) WHERE state IN ('queued', 'leased');
CREATE INDEX task_by_end ON task (ended_at);

-- What was told while a task was worked on.
CREATE TABLE task_event (
    task TEXT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    fence BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task, fence, seq)
);

-- The one result that counts.
CREATE TABLE task_result (
    task TEXT PRIMARY KEY NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    fence BIGINT NOT NULL,
    body TEXT NOT NULL
);

-- Ends that somebody is to be told of. "speaking" is committed before anything is spoken, and what was cut off in it is
-- told as text.
CREATE TABLE delivery (
    task TEXT PRIMARY KEY NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('pending', 'speaking', 'spoken', 'text', 'expired')),
    due_at BIGINT NOT NULL,
    held_until BIGINT,
    expires_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE INDEX delivery_open ON delivery (due_at) WHERE state IN ('pending', 'speaking');
