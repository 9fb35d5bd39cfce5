-- Interviews between people: users, interviewees, their interviews and the mails about them; tokens that were revoked;
-- who did what.

CREATE TABLE users (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id          BLOB NOT NULL REFERENCES merchants (id),
    title                TEXT NOT NULL,
    email                TEXT,
    email_key            TEXT,
    phone_number         TEXT,
    contact_phone_number TEXT,
    image                TEXT,
    time_zone            TEXT,
    locale               TEXT,
    subject              TEXT NOT NULL UNIQUE,
    role                 TEXT NOT NULL,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL
);
CREATE INDEX users_by_merchant ON users (merchant_id, id);
CREATE INDEX users_by_email ON users (email_key, merchant_id) WHERE email_key IS NOT NULL;

CREATE TABLE interviewees (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id BLOB NOT NULL REFERENCES merchants (id),
    user_id     INTEGER NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL,
    currency    TEXT,
    created_at  TEXT NOT NULL,
    updated_at  TEXT NOT NULL
);
CREATE INDEX interviewees_by_merchant ON interviewees (merchant_id, id);
CREATE INDEX interviewees_by_user ON interviewees (user_id, id);

-- `schedule_version` rises with every change of time, place or state: mails of an older one are not sent.
CREATE TABLE interviews (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id      BLOB NOT NULL REFERENCES merchants (id),
    interviewee_id   INTEGER NOT NULL REFERENCES interviewees (id),
    interviewer_id   INTEGER NOT NULL REFERENCES users (id),
    kind             TEXT NOT NULL,
    location         TEXT,
    start_at         TEXT NOT NULL,
    end_at           TEXT NOT NULL,
    amend_start_at   TEXT,
    amend_end_at     TEXT,
    amended_by       TEXT,
    status           TEXT NOT NULL,
    schedule_version INTEGER NOT NULL,
    created_at       TEXT NOT NULL,
    updated_at       TEXT NOT NULL
);
CREATE INDEX interviews_by_merchant ON interviews (merchant_id, id);
CREATE INDEX interviews_by_interviewee ON interviews (interviewee_id, id);
CREATE INDEX interviews_by_interviewer ON interviews (interviewer_id, id);
CREATE INDEX interviews_by_start ON interviews (merchant_id, start_at);
CREATE INDEX interviews_scheduled ON interviews (interviewer_id, start_at) WHERE status = 'scheduled';

-- `result` is the answer as it was when the operation was done; text, because the order of its members counts.
ALTER TABLE submissions ADD COLUMN meeting_id INTEGER;
ALTER TABLE submissions ADD COLUMN user_id INTEGER;
ALTER TABLE submissions ADD COLUMN result TEXT;
CREATE INDEX submissions_by_meeting ON submissions (meeting_id) WHERE meeting_id IS NOT NULL;
CREATE INDEX submissions_by_registration ON submissions (registration_id) WHERE registration_id IS NOT NULL;

ALTER TABLE interview_definitions ADD COLUMN remind_after TEXT NOT NULL DEFAULT '[259200]';
ALTER TABLE interview_definitions ADD COLUMN remind_before_expiry TEXT NOT NULL DEFAULT '[86400]';

-- A mail is about a registration, or about an interview and to one of its two people. SQLite takes a NOT NULL back
-- only with the whole table.
CREATE TABLE messages_anew (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id     BLOB NOT NULL,
    submission_id   BLOB,
    registration_id INTEGER,
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
    meeting_id      INTEGER,
    recipient_id    INTEGER,
    UNIQUE (registration_id, kind, version, copy)
);
INSERT INTO messages_anew SELECT *, NULL, NULL FROM messages;
DROP TABLE messages;
ALTER TABLE messages_anew RENAME TO messages;
CREATE INDEX messages_due ON messages (merchant_id, priority, due_at, id) WHERE status IN ('queued', 'deferred');
CREATE INDEX messages_sending ON messages (leased_until) WHERE status = 'sending';
CREATE INDEX messages_by_merchant ON messages (merchant_id, id);
CREATE INDEX messages_failed ON messages (merchant_id, id) WHERE status = 'failed';
CREATE UNIQUE INDEX messages_of_meeting ON messages (meeting_id, recipient_id, kind, version, copy)
    WHERE meeting_id IS NOT NULL;
CREATE INDEX messages_scheduled ON messages (due_at) WHERE status = 'scheduled';

-- A captured mail may have no link to put back.
CREATE TABLE captured_mails_anew (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id     BLOB NOT NULL,
    registration_id INTEGER,
    generation      INTEGER NOT NULL,
    message_id      TEXT NOT NULL UNIQUE,
    recipient       TEXT NOT NULL,
    subject         TEXT NOT NULL,
    text            TEXT NOT NULL,
    html            TEXT NOT NULL,
    captured_at     TEXT NOT NULL,
    calendar        TEXT
);
INSERT INTO captured_mails_anew SELECT *, NULL FROM captured_mails;
DROP TABLE captured_mails;
ALTER TABLE captured_mails_anew RENAME TO captured_mails;
CREATE INDEX captured_mails_by_recipient ON captured_mails (merchant_id, recipient);

-- The nil merchant: revoked by the platform, for whoever presents it.
CREATE TABLE revoked_tokens (
    merchant_id BLOB NOT NULL,
    jti         TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    revoked_at  TEXT NOT NULL,
    PRIMARY KEY (jti, merchant_id)
);
CREATE INDEX revoked_tokens_by_age ON revoked_tokens (expires_at);

-- Who did what, when, from where. Rows are added and never changed; nothing of candidates is in them.
CREATE TABLE audit_log (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    merchant_id BLOB NOT NULL,
    at          TEXT NOT NULL,
    actor       TEXT NOT NULL,
    action      TEXT NOT NULL,
    subject     TEXT,
    request_id  TEXT NOT NULL,
    address     TEXT
);
CREATE INDEX audit_log_by_merchant ON audit_log (merchant_id, id);

CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
CREATE TRIGGER audit_log_is_never_deleted BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log is append-only');
END;
