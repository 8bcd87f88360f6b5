-- +goose Up
-- What each version of the directory changed, for the newest versions: whoever
-- knows an older one reads only this.
CREATE TABLE iam_changes (
  version BIGINT NOT NULL,
  kind    TEXT NOT NULL CHECK (kind IN ('user', 'role', 'key')),
  name    TEXT NOT NULL,
  PRIMARY KEY (version, kind, name)
);
