-- +goose Up
-- Plans apart from how far they have come: SQLite writes a whole row to change
-- one column of it, and the document of a large plan has millions of bytes.
CREATE TABLE plan_documents (
  plan_id  TEXT PRIMARY KEY REFERENCES plans (id) ON DELETE CASCADE,
  document TEXT NOT NULL
);
INSERT INTO plan_documents (plan_id, document) SELECT id, document FROM plans;
ALTER TABLE plans DROP COLUMN document;
