-- +goose Up
-- New access keys of users that AWS keeps, by their ARN, with their secrets sealed
-- until their contact collects them. The bus's own directory has no such users.
CREATE TABLE account_key_offers (
  user_arn TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  version  BIGINT NOT NULL
);
