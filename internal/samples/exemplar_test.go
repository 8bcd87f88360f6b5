package samples

import "testing"

// TestExemplar: the made-up value has every field, and fits.
func TestExemplar(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"record","name":"L","namespace":"g","fields":[{"name":"participantId","type":"string"},{"name":"letterType","type":"string"},{"name":"availableAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"issue","type":["null",{"type":"record","name":"Issue","fields":[]}],"default":null},{"name":"title","type":["null","string"],"default":null}]}`: `{"availableAt":1,"issue":null,"letterType":"made-up","participantId":"made-up","title":null}`,
		`{"type":"record","name":"A","namespace":"n","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[{"name":"x","type":"double"}]}},{"name":"c","type":["B","null"]},{"name":"e","type":{"type":"enum","name":"E","symbols":["ONE"]}},{"name":"l","type":{"type":"array","items":"string"}}]}`:                                                                    `{"b":{"x":1.5},"c":{"n.B":{"x":1.5}},"e":"ONE","l":[]}`,
		`"string"`: `"made-up"`, `not json`: `{}`, ``: `{}`, `[]`: `null`,
	} {
		if got := Exemplar(schema); got != want {
			t.Errorf("Exemplar(%.60s) = %s, want %s", schema, got, want)
		}
	}
}
