-- +goose Up
-- New access keys that wait for their contact; a user has one at a time. The
-- users who have a key already were given it before there were offers.
CREATE TABLE key_offers (
  user_name TEXT PRIMARY KEY REFERENCES iam_users (name) ON DELETE CASCADE,
  document  TEXT NOT NULL,
  version   BIGINT NOT NULL
);
INSERT INTO key_offers (user_name, document, version)
  SELECT DISTINCT user_name, '{"user":"' || user_name || '","collectedAt":"2026-01-01T00:00:00Z","version":1}', 1 FROM access_keys;
