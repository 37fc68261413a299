-- What models outside the house have cost, summed up per day (as the home counts days), host and model.
-- `micros` are millionths of a US dollar.
CREATE TABLE spent (
    day TEXT NOT NULL,
    host TEXT NOT NULL,
    model TEXT NOT NULL,
    requests BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (day, host, model)
);
