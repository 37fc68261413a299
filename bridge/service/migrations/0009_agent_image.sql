-- The forms of agents: definitions that did well, on the base that images are made on, and their images in the registry.
-- `base` is empty where no image can be made; `image` and `name` are NULL until one was. Times are microseconds since 1970
-- UTC. No row goes: what was taken back or removed stays known.
CREATE TABLE agent_image (
    agent TEXT NOT NULL,
    definition TEXT NOT NULL,
    base TEXT NOT NULL,
    image TEXT,
    name TEXT,
    standing TEXT NOT NULL,
    barred INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    successes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failed_in_row INTEGER NOT NULL,
    PRIMARY KEY (agent, definition, base)
);
CREATE UNIQUE INDEX agent_image_current ON agent_image (agent) WHERE standing = 'current';

-- What the acceptance of a definition by a program said.
CREATE TABLE agent_verdict (
    definition TEXT NOT NULL,
    program TEXT NOT NULL,
    fit INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (definition, program)
);

-- Up to which end tasks are counted in agent_image; one row.
CREATE TABLE agent_counted (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    ended_at INTEGER NOT NULL,
    task TEXT NOT NULL
);

-- Vectors of known requests, by the model that made them and the digest of the text; 32-bit floats, least byte first.
CREATE TABLE agent_vector (
    model TEXT NOT NULL,
    text TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (model, text)
);
