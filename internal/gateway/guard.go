package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/enterprise-event-bus/eventbus"
)

// schemaHeader carries the schema id of the value in Confluent's header form
// (HeaderSchemaIdSerializer).
const schemaHeader = "__value_schema_id"

// schemaOf reads which schema a record names: a magic byte 0 and a 4-byte id
// before the payload or in the header (Confluent wire format), or a magic byte 1
// and a 16-byte GUID in the header.
func schemaOf(r record) (id int32, guid string, ok bool) {
	if h := r.header(schemaHeader); h != nil {
		switch {
		case len(h) == 17 && h[0] == 1:
			return 0, fmt.Sprintf("%x-%x-%x-%x-%x", h[1:5], h[5:7], h[7:9], h[9:11], h[11:17]), true
		case len(h) == 5 && h[0] == 0:
			return int32(binary.BigEndian.Uint32(h[1:])), "", true
		}
		return 0, "", false
	}
	if len(r.value) >= 5 && r.value[0] == 0 {
		return int32(binary.BigEndian.Uint32(r.value[1:])), "", true
	}
	return 0, "", false
}

// maxRecordErrors bounds how many records of a batch are named in a refusal.
const maxRecordErrors = 10

// inspect checks the records of one partition, as far as the topic's schema guard
// or an engine that believes them demands it, and gives the schema id of the
// first. refused is not nil when the batch must not pass: in Kafka a batch is
// accepted or refused as a whole, the faulty records are named in it.
func (c *call) inspect(topic string, b batch) (id int32, refused *kmsg.ProduceResponseTopicPartition) {
	g := c.f.g
	mode := eventbus.SchemaGuardOff
	if g.guard != nil {
		mode = g.guard.Mode(topic)
	}
	if mode != eventbus.SchemaGuardOff && mode != "" {
		return c.guarded(topic, b, mode)
	}
	if !g.cfg.RecordsChecked {
		if err := g.decoders.check(b); err != nil {
			return 0, unreadable(err)
		}
	}
	return c.peek(b), nil
}

// unreadable refuses a batch that is not what it says; INVALID_RECORD keeps
// clients from sending it again.
func unreadable(err error) *kmsg.ProduceResponseTopicPartition {
	return produceFault(errInvalidRecord, text("The batch cannot be read: "+err.Error()+". Nothing was written."))
}

// guarded asks the schema guard about the records of one partition.
func (c *call) guarded(topic string, b batch, mode eventbus.SchemaGuard) (id int32, refused *kmsg.ProduceResponseTopicPartition) {
	g := c.f.g
	id, faults, err := g.decoders.checkRecords(g.guard, topic, b)
	if err == nil && len(faults) == 0 {
		g.metrics.guarded.WithLabelValues("passed").Inc()
		return id, nil
	}
	p := kmsg.NewProduceResponseTopicPartition()
	p.ErrorCode, p.BaseOffset, p.ErrorRecords = errInvalidRecord, -1, faults
	if err != nil {
		p.ErrorMessage = text("The schema guard cannot read the batch: " + err.Error() + ". Nothing was written.")
	} else {
		p.ErrorMessage = text("The schema guard of topic " + topic + " refused the batch: " + *faults[0].ErrorMessage + ". Nothing was written.")
	}
	if mode == eventbus.SchemaGuardWarn && err != nil && !g.cfg.RecordsChecked {
		return 0, unreadable(err)
	}
	if mode == eventbus.SchemaGuardWarn {
		g.metrics.guarded.WithLabelValues("warned").Inc()
		c.tellOfGuard("the schema guard let a batch pass that it would refuse", topic, err, faults)
		return id, nil
	}
	g.metrics.guarded.WithLabelValues("refused").Inc()
	c.tellOfGuard("the schema guard refused a batch", topic, err, faults)
	return 0, &p
}

// tellOfGuard logs the first verdict of a minute about a topic's producer.
func (c *call) tellOfGuard(what, topic string, err error, faults []kmsg.ProduceResponseTopicPartitionErrorRecord) {
	g := c.f.g
	if !g.verdicts.first(what+"|"+topic+"|"+c.principal(), g.cfg.Now()) {
		return
	}
	if err == nil {
		err = errors.New(*faults[0].ErrorMessage)
	}
	g.log.Warn(what, "topic", topic, "principal", c.principal(), "from", c.f.from, "reason", err)
}

const (
	verdictGap  = time.Minute
	maxVerdicts = 1000
)

// verdicts remembers what the guard said within the present minute, so that a
// producer that goes on does not fill the log. The metric counts every batch.
type verdicts struct {
	mu    sync.Mutex
	since time.Time
	told  map[string]bool
}

// first reports whether a verdict has to be logged.
func (v *verdicts) first(verdict string, now time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if age := now.Sub(v.since); v.told == nil || age < 0 || age >= verdictGap {
		v.since, v.told = now, map[string]bool{}
	}
	if v.told[verdict] || len(v.told) >= maxVerdicts {
		return false
	}
	v.told[verdict] = true
	return true
}

// peek gives the schema id of an unguarded batch where it costs nothing.
func (c *call) peek(b batch) (id int32) {
	if c.f.g.observe == nil || b.compressed() || b.control() {
		return 0
	}
	_ = eachRecord(b.records, b.count, func(_ int32, r record) bool {
		id, _, _ = schemaOf(r)
		return false
	})
	return id
}

// checkRecords asks the guard for every record, once per schema.
func (d *decoders) checkRecords(guard Guard, topic string, b batch) (first int32, faults []kmsg.ProduceResponseTopicPartitionErrorRecord, _ error) {
	plain, err := d.plain(b)
	if err != nil {
		return 0, nil, err
	}
	type schema struct {
		id   int32
		guid string
	}
	asked := map[schema]error{}
	err = eachRecord(plain, b.count, func(i int32, r record) bool {
		if r.null || len(faults) == maxRecordErrors {
			return true // a tombstone has no schema; faults enough, but the rest is read all the same
		}
		var verdict error
		id, guid, ok := schemaOf(r)
		if !ok {
			verdict = fmt.Errorf("no schema id: the value must begin with 0x00 and the 4-byte id, or the header %s name it", schemaHeader)
		} else {
			s := schema{id, guid}
			known := false
			if verdict, known = asked[s]; !known {
				verdict = guard.Check(topic, id, guid)
				asked[s] = verdict
			}
		}
		if first == 0 {
			first = id
		}
		if verdict != nil {
			fault := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			fault.RelativeOffset, fault.ErrorMessage = i, text(verdict.Error())
			faults = append(faults, fault)
		}
		return true
	})
	return first, faults, err
}
