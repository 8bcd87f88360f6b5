package gateway

import (
	"encoding/binary"
	"fmt"

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

// guarded checks the records of one partition and gives the schema id of the
// first. refused is not nil when the batch must not pass: in Kafka a batch is
// accepted or refused as a whole, the faulty records are named in it.
func (c *call) guarded(topic string, b batch) (id int32, refused *kmsg.ProduceResponseTopicPartition) {
	g := c.f.g
	mode := eventbus.SchemaGuardOff
	if g.guard != nil && !b.control() {
		mode = g.guard.Mode(topic)
	}
	if mode == eventbus.SchemaGuardOff || mode == "" {
		return c.peek(b), nil
	}
	id, faults, err := checkRecords(g.guard, topic, b)
	switch {
	case err == nil && len(faults) == 0:
		g.metrics.guarded.WithLabelValues("passed").Inc()
		return id, nil
	case mode == eventbus.SchemaGuardWarn:
		g.metrics.guarded.WithLabelValues("warned").Inc()
		return id, nil
	}
	g.metrics.guarded.WithLabelValues("refused").Inc()
	p := kmsg.NewProduceResponseTopicPartition()
	p.ErrorCode, p.BaseOffset = errInvalidRecord, -1
	if err != nil {
		p.ErrorMessage = text("The schema guard cannot read the batch: " + err.Error() + ". Nothing was written.")
		return 0, &p
	}
	p.ErrorRecords = faults
	p.ErrorMessage = text("The schema guard of topic " + topic + " refused the batch: " + *faults[0].ErrorMessage + ". Nothing was written.")
	return 0, &p
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
func checkRecords(guard Guard, topic string, b batch) (first int32, faults []kmsg.ProduceResponseTopicPartitionErrorRecord, _ error) {
	plain, err := b.plain()
	if err != nil {
		return 0, nil, err
	}
	type schema struct {
		id   int32
		guid string
	}
	asked := map[schema]error{}
	err = eachRecord(plain, b.count, func(i int32, r record) bool {
		if r.null {
			return true // a tombstone has no schema
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
		return len(faults) < maxRecordErrors
	})
	return first, faults, err
}
