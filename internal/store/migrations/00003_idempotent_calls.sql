-- +goose Up

-- Calls that carried an Idempotency-Key, until they expire. status is 0 while a
-- call is being answered; one that never was answered tells that the process
-- ended in between.
CREATE TABLE idempotent_calls (
  call_key   TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  status     BIGINT NOT NULL,
  document   TEXT NOT NULL
);
CREATE INDEX idempotent_calls_by_age ON idempotent_calls (created_at);
