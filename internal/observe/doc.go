// Package observe knows who produced and consumed what, when and with which
// schema id: per principal, topic, group, direction and schema id the first and
// last time, records and bytes, by the hour for 48 hours and by the day for 90
// days.
//
// It owns the counting in memory, its flush to a Store and the questions asked
// of it. It never sees a payload or a key, and a grant without traffic leaves
// no trace. The gateway and the REST proxy count; catalog, onboarding, the API
// and the portal ask.
package observe
