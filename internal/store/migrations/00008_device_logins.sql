-- +goose Up
-- Sign-ins of command lines under way, and wrong guesses: whichever instance is
-- asked next knows them.
CREATE TABLE device_logins (
  code         TEXT PRIMARY KEY,
  secret_hash  TEXT NOT NULL UNIQUE,
  caller       TEXT NOT NULL,
  state        TEXT NOT NULL,
  person       TEXT NOT NULL DEFAULT '',
  decided_from TEXT NOT NULL DEFAULT '',
  asked_at     BIGINT NOT NULL DEFAULT 0,
  expires_at   BIGINT NOT NULL,
  document     TEXT NOT NULL
);
CREATE INDEX device_logins_expiry ON device_logins (expires_at);
CREATE TABLE guesses (
  who         TEXT PRIMARY KEY,
  forgiven_at BIGINT NOT NULL
);
-- Whose a browser session is, so that all of a person can end at once, and when
-- it was last used, apart from the document, so that noting it revives none that
-- another instance has ended. Sessions of before know neither: people sign in anew.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN last_seen BIGINT NOT NULL DEFAULT 0;
CREATE INDEX sessions_person ON sessions (person);
