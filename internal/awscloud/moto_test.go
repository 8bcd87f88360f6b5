package awscloud

import (
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/enterprise-event-bus/eventbus/internal/awscloud/mototest"
)

// moto stands for AWS, one for all tests of the package. Each test has an account
// of its own.
var moto struct {
	once   sync.Once
	server *mototest.Server
	err    error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if moto.server != nil {
		moto.server.Close()
	}
	os.Exit(code)
}

// motoURL gives the address of moto, which it starts at the first call.
func motoURL(t *testing.T) string {
	t.Helper()
	moto.once.Do(func() { moto.server, moto.err = mototest.Open() })
	if errors.Is(moto.err, mototest.ErrMissing) {
		t.Skip(moto.err)
	}
	if moto.err != nil {
		t.Fatal(moto.err)
	}
	return moto.server.URL
}
