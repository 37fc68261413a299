-- Sentences that a language model resolved: said with these words, in this language and area, they mean `sentences`,
-- as long as the home's registry has this fingerprint. Each use is decided about anew.
CREATE TABLE shortcut (
    words TEXT NOT NULL,
    language TEXT NOT NULL,
    area TEXT NOT NULL,
    sentences TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    resolved BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    kept_at BIGINT NOT NULL,
    PRIMARY KEY (words, language, area)
);
