package rest_test

import ("testing";"os";"time")

func TestZZServe(t *testing.T) {
	d := newDoor(t)
	os.WriteFile("/tmp/zz_url", []byte(d.http.URL), 0o644)
	for range 600 { if _, err := os.Stat("/tmp/zz_stop"); err == nil { return }; time.Sleep(200*time.Millisecond) }
}
