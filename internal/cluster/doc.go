// Package cluster owns the Kafka that stands behind the gateway. That is the
// embedded engine (franz-go's kfake, pinned) with a data directory, or an external
// Apache Kafka or AWS MSK behind the same few methods. It is the only package that
// imports the engine. It does not speak to clients (the gateway does), decides
// nobody's rights (iam does) and knows no schemas.
// internal/server opens it; the gateway, registry, streams and the REST proxy
// reach it through Serve or through clients made with ClientOpts.
//
// # What the embedded tier promises
//
// A record is acknowledged after it has been handed to the operating system: it
// survives kill -9 of the bus, not a power cut. With Config.SyncWrites each batch
// is also flushed to the disk before the answer, about ten times slower; the
// engine ignores errors of that flush, so even then this tier is for development,
// a sandbox and a small single node, never the only copy of anything.
//
// # Guards
//
// The engine calls itself a fake for tests. These rules stand around it, each
// with a test that fails without it:
//
//   - it is never on a TCP port: connections are handed over in process;
//   - its cleaner never runs (it is not crash-safe and empties compacted topics);
//     retention is ours (retention.go), compacted topics keep every record;
//   - a partition is never emptied: no delete goes past the last record, because
//     an emptied partition would restart at offset 0 (guard.go, ClampDelete);
//   - a log start is kept in our store before records are deleted and applied
//     again at open, because the engine forgets it in a crash;
//   - settings of the broker cannot be changed over the wire;
//   - the size of the data is bounded, and writes stop before the disk is full
//     (disk.go);
//   - the data directory has one owner (lock.go);
//   - every segment is verified before the engine sees it: a torn last write is
//     cut off, damaged data is set aside instead of lost, and the damage makes
//     the engine read-only and not ready until a person has looked (segment.go);
//   - after a crash the sequence windows of idempotent producers are rebuilt from
//     the log, so that a retry is recognised (producer.go);
//   - its warnings about stored data become errors in our log and fail readiness
//     (faults.go).
//
// # What cannot be guarded from outside
//
// The engine has one loop and no recover: a panic in it ends the process. What
// reaches it must have passed the gateway, which forwards only known request
// keys, versions and sizes. ListOffsets by timestamp decompresses one batch that
// a client wrote, without a limit, and panics if its records lie about their
// length: the gateway reads every record before the engine gets it
// (gateway.Config.RecordsChecked). Retention here reads batch headers only.
package cluster
