-- One text for SQLite and PostgreSQL. Keys are made by the bus; times are
-- microseconds since 1970, 0 for "not yet"; documents are JSON as TEXT, beside
-- the columns that are asked for.

-- +goose Up
CREATE TABLE environments (
  name     TEXT PRIMARY KEY,
  document TEXT NOT NULL
);

-- The first offset that still counts, per partition; never goes back.
CREATE TABLE log_starts (
  topic        TEXT NOT NULL,
  partition_id BIGINT NOT NULL,
  start_offset BIGINT NOT NULL,
  PRIMARY KEY (topic, partition_id)
);

-- A copy of the schema topic of the embedded engine.
CREATE TABLE schema_records (
  record_offset BIGINT PRIMARY KEY,
  record_key    BYTEA,
  record_value  BYTEA,
  tombstone     BOOLEAN NOT NULL,
  headers       TEXT NOT NULL
);

-- Counters that move with a part of the data, for those who poll.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);

CREATE TABLE leases (
  name       TEXT PRIMARY KEY,
  holder     TEXT NOT NULL,
  fence      BIGINT NOT NULL,
  held_until BIGINT NOT NULL
);

-- The audit chain. audit_head has one row: its lock orders the writers.
CREATE TABLE audit_head (
  id   BIGINT PRIMARY KEY CHECK (id = 1),
  seq  BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

CREATE TABLE audit_entries (
  seq        BIGINT PRIMARY KEY,
  at         BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  action     TEXT NOT NULL,
  resource   TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  reason     TEXT NOT NULL,
  origin     TEXT NOT NULL,
  request_id TEXT NOT NULL,
  calls      BIGINT NOT NULL,
  detail     TEXT NOT NULL,
  prev_hash  TEXT NOT NULL,
  hash       TEXT NOT NULL
);
CREATE INDEX audit_entries_actor ON audit_entries (actor, seq);
CREATE INDEX audit_entries_action ON audit_entries (action, seq);
CREATE INDEX audit_entries_resource ON audit_entries (resource, seq);
CREATE INDEX audit_entries_outcome ON audit_entries (outcome, seq);

CREATE TABLE iam_users (
  name     TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  version  BIGINT NOT NULL
);
CREATE TABLE iam_roles (
  name     TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  version  BIGINT NOT NULL
);
CREATE TABLE access_keys (
  id        TEXT PRIMARY KEY,
  user_name TEXT NOT NULL REFERENCES iam_users (name) ON DELETE CASCADE,
  sealed    BYTEA,
  last_used BIGINT NOT NULL DEFAULT 0,
  document  TEXT NOT NULL,
  version   BIGINT NOT NULL
);
CREATE INDEX access_keys_user ON access_keys (user_name);

CREATE TABLE requests (
  id         TEXT PRIMARY KEY,
  created_at BIGINT NOT NULL,
  state      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  event      TEXT NOT NULL,
  team       TEXT NOT NULL,
  submitter  TEXT NOT NULL,
  content    TEXT NOT NULL,
  document   TEXT NOT NULL,
  version    BIGINT NOT NULL
);
CREATE INDEX requests_created ON requests (created_at, id);
CREATE INDEX requests_state ON requests (state, created_at);
CREATE INDEX requests_event ON requests (event, created_at);
CREATE INDEX requests_team ON requests (team, created_at);
CREATE INDEX requests_submitter ON requests (submitter, created_at);

-- The backstop of four eyes: a person has one part in a request's content, and
-- an approval in force belongs to somebody whose part is approver.
CREATE TABLE request_parts (
  request_id TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
  person     TEXT NOT NULL,
  part       TEXT NOT NULL CHECK (part IN ('author', 'approver')),
  PRIMARY KEY (request_id, person),
  UNIQUE (request_id, person, part)
);
CREATE TABLE approvals (
  request_id   TEXT NOT NULL,
  stage        TEXT NOT NULL,
  environment  TEXT NOT NULL,
  approver     TEXT NOT NULL,
  part         TEXT NOT NULL CHECK (part = 'approver'),
  submitter    TEXT NOT NULL CHECK (submitter <> approver),
  content_hash TEXT NOT NULL,
  at           BIGINT NOT NULL,
  PRIMARY KEY (request_id, stage, environment, approver),
  FOREIGN KEY (request_id, approver, part) REFERENCES request_parts (request_id, person, part) ON DELETE CASCADE
);

CREATE TABLE notifications (
  id       TEXT PRIMARY KEY,
  at       BIGINT NOT NULL,
  audience TEXT NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX notifications_audience ON notifications (audience, at);
CREATE TABLE notification_reads (
  notification_id TEXT NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
  person          TEXT NOT NULL,
  PRIMARY KEY (notification_id, person)
);
-- The outbox: a row per notification and channel until it is delivered.
CREATE TABLE deliveries (
  notification_id TEXT NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
  channel         TEXT NOT NULL,
  state           TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'given-up')),
  attempts        BIGINT NOT NULL DEFAULT 0,
  next_at         BIGINT NOT NULL DEFAULT 0,
  problem         TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (notification_id, channel)
);
CREATE INDEX deliveries_pending ON deliveries (channel, next_at) WHERE state = 'pending';

CREATE TABLE people (
  id       TEXT PRIMARY KEY,
  document TEXT NOT NULL
);
CREATE TABLE sessions (
  hash       TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL,
  document   TEXT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE TABLE tokens (
  id        TEXT PRIMARY KEY,
  hash      TEXT NOT NULL UNIQUE,
  person    TEXT NOT NULL,
  last_used BIGINT NOT NULL DEFAULT 0,
  document  TEXT NOT NULL
);
CREATE INDEX tokens_person ON tokens (person);

CREATE TABLE events (
  name     TEXT PRIMARY KEY,
  document TEXT NOT NULL,
  version  BIGINT NOT NULL
);
CREATE TABLE systems (
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  document TEXT NOT NULL,
  version  BIGINT NOT NULL,
  PRIMARY KEY (kind, name)
);

CREATE TABLE grants (
  id          TEXT PRIMARY KEY,
  event       TEXT NOT NULL,
  environment TEXT NOT NULL,
  topic       TEXT NOT NULL,
  principal   TEXT NOT NULL,
  direction   TEXT NOT NULL,
  request_id  TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  revoked_at  BIGINT NOT NULL,
  document    TEXT NOT NULL,
  version     BIGINT NOT NULL
);
CREATE INDEX grants_event ON grants (event, environment);
CREATE INDEX grants_topic ON grants (topic);
CREATE INDEX grants_principal ON grants (principal);
CREATE INDEX grants_request ON grants (request_id);

CREATE TABLE wanted_events (
  event    TEXT PRIMARY KEY,
  document TEXT NOT NULL
);
CREATE TABLE plans (
  id         TEXT PRIMARY KEY,
  made_at    BIGINT NOT NULL,
  changes    BIGINT NOT NULL,
  steps_done BIGINT NOT NULL DEFAULT 0,
  state      TEXT NOT NULL CHECK (state IN ('planned', 'applying', 'done', 'abandoned')),
  document   TEXT NOT NULL
);
CREATE INDEX plans_applying ON plans (made_at, id) WHERE state = 'applying';
CREATE TABLE plan_steps (
  plan_id  TEXT NOT NULL REFERENCES plans (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  state    TEXT NOT NULL,
  attempts BIGINT NOT NULL,
  problem  TEXT NOT NULL,
  at       BIGINT NOT NULL,
  PRIMARY KEY (plan_id, position)
);

CREATE TABLE usage_buckets (
  topic          TEXT NOT NULL,
  width          BIGINT NOT NULL,
  start_at       BIGINT NOT NULL,
  principal      TEXT NOT NULL,
  direction      TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  schema_id      BIGINT NOT NULL,
  first_seen     BIGINT NOT NULL,
  last_seen      BIGINT NOT NULL,
  records        BIGINT NOT NULL,
  bytes          BIGINT NOT NULL,
  PRIMARY KEY (topic, width, start_at, principal, direction, consumer_group, schema_id)
);
CREATE INDEX usage_buckets_principal ON usage_buckets (principal, start_at);
CREATE INDEX usage_buckets_age ON usage_buckets (width, start_at);
