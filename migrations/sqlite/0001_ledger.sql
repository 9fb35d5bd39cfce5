-- The ledger: what was accepted, what is to be done, what became of it (DESIGN.md section 2).
-- Times are instants; states are the domain's words; ids are UUIDs of version 7 or identities.

CREATE TABLE merchants (
    id               BLOB PRIMARY KEY,
    name             TEXT NOT NULL,
    base_url         TEXT,
    colour           TEXT NOT NULL,
    mail_from_name   TEXT,
    reply_to         TEXT,
    time_zone        TEXT NOT NULL,
    locale           TEXT NOT NULL,
    reminder_offsets TEXT NOT NULL,
    parent_id        BLOB REFERENCES merchants (id),
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
);

CREATE TABLE api_keys (
    id          BLOB PRIMARY KEY,
    merchant_id BLOB NOT NULL REFERENCES merchants (id),
    name        TEXT NOT NULL,
    role        TEXT NOT NULL,
    prefix      TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE,
    created_at  TEXT NOT NULL,
    revoked_at  TEXT
);
CREATE INDEX api_keys_by_merchant ON api_keys (merchant_id, id);

CREATE TABLE interview_definitions (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    interview_id     BLOB NOT NULL UNIQUE,
    merchant_id      BLOB NOT NULL REFERENCES merchants (id),
    name             TEXT NOT NULL,
    status           TEXT NOT NULL,
    launch_url       TEXT,
    link_ttl_seconds INTEGER NOT NULL,
    mail_subject     TEXT,
    mail_text        TEXT,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
);
CREATE INDEX interview_definitions_by_merchant ON interview_definitions (merchant_id, id);

CREATE TABLE positions (
    id            BLOB PRIMARY KEY,
    merchant_id   BLOB NOT NULL REFERENCES merchants (id),
    title         TEXT NOT NULL,
    definition_id INTEGER NOT NULL REFERENCES interview_definitions (id),
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL
);
CREATE INDEX positions_by_merchant ON positions (merchant_id, id);

-- A submission is the operation and the batch at once. Its counters move in the transaction that moves what
-- they count, so reading a batch of a million costs one row.
CREATE TABLE submissions (
    id               BLOB PRIMARY KEY,
    merchant_id      BLOB NOT NULL REFERENCES merchants (id),
    kind             TEXT NOT NULL,
    status           TEXT NOT NULL,
    interview_id     BLOB,
    definition_id    INTEGER REFERENCES interview_definitions (id),
    registration_id  INTEGER,
    is_test          BOOLEAN NOT NULL,
    send_email       BOOLEAN NOT NULL,
    hide_menu        BOOLEAN NOT NULL,
    hide_iframe      BOOLEAN NOT NULL,
    total            INTEGER NOT NULL,
    processed        INTEGER NOT NULL,
    failed           INTEGER NOT NULL,
    mails_queued     INTEGER NOT NULL,
    mails_sent       INTEGER NOT NULL,
    mails_deferred   INTEGER NOT NULL,
    mails_failed     INTEGER NOT NULL,
    mails_suppressed INTEGER NOT NULL,
    jobs_open        INTEGER NOT NULL,
    error            TEXT,
    created_at       TEXT NOT NULL,
    completed_at     TEXT
);
CREATE INDEX submissions_by_merchant ON submissions (merchant_id, id);

CREATE TABLE idempotency_records (
    merchant_id   BLOB NOT NULL,
    path          TEXT NOT NULL,
    key           TEXT NOT NULL,
    fingerprint   BLOB NOT NULL,
    submission_id BLOB,
    status        INTEGER,
    body          TEXT,
    created_at    TEXT NOT NULL,
    PRIMARY KEY (merchant_id, path, key)
);
CREATE INDEX idempotency_records_by_age ON idempotency_records (created_at);

CREATE TABLE jobs (
    id            BLOB PRIMARY KEY,
    submission_id BLOB NOT NULL REFERENCES submissions (id),
    merchant_id   BLOB NOT NULL,
    lane          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    status        TEXT NOT NULL,
    first_row     INTEGER NOT NULL,
    payload       TEXT,
    attempts      INTEGER NOT NULL,
    due_at        TEXT NOT NULL,
    pushed_at     TEXT NOT NULL,
    leased_until  TEXT,
    leased_by     TEXT,
    last_error    TEXT,
    created_at    TEXT NOT NULL,
    finished_at   TEXT
);
CREATE INDEX jobs_waiting ON jobs (lane, pushed_at) WHERE status = 'waiting';
CREATE INDEX jobs_retryable ON jobs (due_at) WHERE status = 'retryable';
CREATE INDEX jobs_running ON jobs (leased_until) WHERE status = 'running';
CREATE INDEX jobs_finished ON jobs (lane, finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (merchant_id, lane, id) WHERE status = 'dead';
CREATE INDEX jobs_open_by_submission ON jobs (submission_id, first_row)
    WHERE status IN ('waiting', 'running', 'retryable');

CREATE TABLE registrations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id   BLOB NOT NULL REFERENCES merchants (id),
    definition_id INTEGER NOT NULL REFERENCES interview_definitions (id),
    submission_id BLOB NOT NULL,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL,
    is_test       BOOLEAN NOT NULL,
    name          TEXT,
    external_id   TEXT,
    hide_menu     BOOLEAN NOT NULL,
    hide_iframe   BOOLEAN NOT NULL,
    generation    INTEGER NOT NULL,
    key_id        INTEGER NOT NULL,
    nonce         BLOB NOT NULL,
    expires_at    TEXT NOT NULL,
    used_at       TEXT,
    revoked_at    TEXT,
    completed_at  TEXT,
    created_at    TEXT NOT NULL,
    updated_at    TEXT NOT NULL
);
-- Led by the address, so that one index serves both the natural key and "every registration of this person".
CREATE UNIQUE INDEX registrations_natural_key ON registrations (email_key, definition_id, is_test);
CREATE INDEX registrations_by_merchant ON registrations (merchant_id, id);
CREATE INDEX registrations_by_definition ON registrations (definition_id, id);
CREATE INDEX registrations_by_external_id ON registrations (merchant_id, external_id) WHERE external_id IS NOT NULL;

-- What each row of a batch came to. `generation` and `key_id` say which link it was given.
CREATE TABLE batch_rows (
    submission_id   BLOB NOT NULL,
    idx             INTEGER NOT NULL,
    name            TEXT,
    email           TEXT,
    external_id     TEXT,
    error           TEXT,
    registration_id INTEGER,
    generation      INTEGER,
    key_id          INTEGER,
    PRIMARY KEY (submission_id, idx)
);

-- One row per mail: (registration, kind, version, copy) is unique, so no mail can be queued twice.
CREATE TABLE messages (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id     BLOB NOT NULL,
    submission_id   BLOB NOT NULL,
    registration_id INTEGER NOT NULL,
    kind            TEXT NOT NULL,
    version         INTEGER NOT NULL,
    copy            INTEGER NOT NULL,
    priority        INTEGER NOT NULL,
    status          TEXT NOT NULL,
    attempts        INTEGER NOT NULL,
    deferrals       INTEGER NOT NULL,
    due_at          TEXT NOT NULL,
    leased_until    TEXT,
    last_error      TEXT,
    sent_at         TEXT,
    created_at      TEXT NOT NULL,
    UNIQUE (registration_id, kind, version, copy)
);
CREATE INDEX messages_due ON messages (merchant_id, priority, due_at, id) WHERE status IN ('queued', 'deferred');
CREATE INDEX messages_sending ON messages (leased_until) WHERE status = 'sending';
CREATE INDEX messages_by_merchant ON messages (merchant_id, id);
CREATE INDEX messages_failed ON messages (merchant_id, id) WHERE status = 'failed';

CREATE TABLE suppressions (
    merchant_id   BLOB NOT NULL,
    email_key     TEXT NOT NULL,
    bounces       INTEGER NOT NULL,
    last_error    TEXT NOT NULL,
    suppressed_at TEXT,
    updated_at    TEXT NOT NULL,
    PRIMARY KEY (merchant_id, email_key)
);

-- The embedded default's mailbox. The link is cut out of the texts: a token is in no table.
CREATE TABLE captured_mails (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id     BLOB NOT NULL,
    registration_id INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    message_id      TEXT NOT NULL UNIQUE,
    recipient       TEXT NOT NULL,
    subject         TEXT NOT NULL,
    text            TEXT NOT NULL,
    html            TEXT NOT NULL,
    captured_at     TEXT NOT NULL
);

CREATE TABLE lanes (
    lane      TEXT PRIMARY KEY,
    paused_by TEXT,
    reason    TEXT,
    resume_at TEXT
);
INSERT INTO lanes (lane) VALUES ('intake'), ('bulk'), ('mail');

-- Worker processes that live; one of them at a time holds the scheduler's seat.
CREATE TABLE workers (
    id         TEXT PRIMARY KEY,
    lanes      TEXT NOT NULL,
    started_at TEXT NOT NULL,
    seen_at    TEXT NOT NULL
);
CREATE TABLE seats (
    name        TEXT PRIMARY KEY,
    holder      TEXT,
    held_until  TEXT
);
INSERT INTO seats (name) VALUES ('scheduler');
