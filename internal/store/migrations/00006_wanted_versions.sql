-- +goose Up
-- The counter "wanted" gives each saved wanted state its version: whoever has
-- read up to one reads only what came after it.
ALTER TABLE wanted_events ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
CREATE INDEX wanted_events_version ON wanted_events (version);
