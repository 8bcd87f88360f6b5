// Command program is a client of the interop tests, by franz-go, by Sarama or by
// running kcat; it does the jobs named on its command line and prints one line
// for each.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// patience bounds one job.
const patience = 40 * time.Second

// lacking is a feature that a client has not.
type lacking string

func (l lacking) Error() string { return string(l) }

// library is what a Kafka client can do.
type library interface {
	produce(ctx context.Context, feature, mark string) error
	// consume hands records to see until it says that it has seen enough.
	consume(ctx context.Context, feature, group string, see func(value []byte) bool) error
}

var (
	topic = os.Getenv("INTEROP_TOPIC")
	count = atoi(os.Getenv("INTEROP_RECORDS"))
)

func main() {
	libraries := map[string]library{"franz": franz{}, "sarama": saramas{}, "kcat": kcats{}}
	l := libraries[os.Args[1]]
	for _, job := range os.Args[2:] {
		err := do(l, strings.Split(job, "/"))
		var lacks lacking
		switch {
		case errors.As(err, &lacks):
			fmt.Println("none", job, lacks)
		case err != nil:
			fmt.Println("error", job, strings.ReplaceAll(err.Error(), "\n", " "))
		default:
			fmt.Println("ok", job)
		}
	}
}

func do(l library, job []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if job[0] == "produce" {
		return l.produce(ctx, job[1], job[2])
	}
	seen, wanted := map[string]bool{}, atoi(job[4])
	return l.consume(ctx, job[1], job[3], func(value []byte) bool {
		if bytes.HasPrefix(value, []byte(job[2]+"-")) {
			seen[string(value)] = true
		}
		return len(seen) >= wanted
	})
}

func values(mark string) [][]byte {
	var all [][]byte
	for i := range count {
		all = append(all, fmt.Appendf(nil, "%s-%d-%s", mark, i, strings.Repeat("x", 200)))
	}
	return all
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // the tests write it
	}
	return n
}

// secure gives the TLS configuration of the IAM doors, nil for PLAINTEXT.
func secure() (*tls.Config, error) {
	if os.Getenv("EB_SECURITY_PROTOCOL") != "SASL_SSL" {
		return nil, nil
	}
	pem, err := os.ReadFile(os.Getenv("EB_CA_FILE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in EB_CA_FILE")
	}
	return &tls.Config{RootCAs: roots}, nil
}
