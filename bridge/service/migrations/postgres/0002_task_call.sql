-- What an agent asked of the bridge, each call of a task once: asked again with the same number, also in a later attempt, it
-- is answered as before. `request` is a digest; there is no answer while the call is under way, or where it failed in a way
-- that may pass. A call of a tool has its name and its input as JSON. What a call takes is set aside before it begins, and put right once it has ended.
CREATE TABLE task_call (
    task TEXT NOT NULL REFERENCES task (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL,
    request TEXT NOT NULL,
    tool TEXT,
    input TEXT,
    answer TEXT,
    tokens_in BIGINT NOT NULL,
    tokens_out BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    tool_calls BIGINT NOT NULL,
    PRIMARY KEY (task, seq)
);
