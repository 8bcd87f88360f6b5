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

// carrying says that a client has moved the bytes unharmed and cannot read them.
type carrying string

func (c carrying) Error() string { return string(c) }

// library is what a Kafka client can do.
type library interface {
	produce(ctx context.Context, feature, mark string) error
	// send produces values as they are.
	send(ctx context.Context, values [][]byte) error
	// stay produces each value that comes, by one client, and ends with values.
	stay(ctx context.Context, values <-chan []byte) error
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
		var carries carrying
		switch {
		case errors.As(err, &lacks):
			fmt.Println("none", job, lacks)
		case errors.As(err, &carries):
			fmt.Println("bytes", job, carries)
		case err != nil:
			fmt.Println("error", job, strings.ReplaceAll(err.Error(), "\n", " "))
		default:
			fmt.Println("ok", job)
		}
	}
}

func do(l library, job []string) error {
	if job[0] == "stay" {
		return stay(l, job[1], atoi(job[2]))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	switch job[0] {
	case "produce":
		return l.produce(ctx, job[1], job[2])
	case "avro-produce":
		return avroProduce(ctx, l, job[1])
	case "avro-consume":
		if k, ok := l.(kcats); ok {
			return k.avroUsers(ctx, job[1], job[2])
		}
		return avroConsume(ctx, l, job[1], job[2])
	}
	seen, wanted := map[string]bool{}, atoi(job[4])
	return l.consume(ctx, job[1], job[3], func(value []byte) bool {
		if bytes.HasPrefix(value, []byte(job[2]+"-")) {
			seen[string(value)] = true
		}
		return len(seen) >= wanted
	})
}

// stay produces twice a second for some seconds, on the connections that it has.
func stay(l library, mark string, seconds int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second+patience)
	defer cancel()
	values := make(chan []byte)
	go func() {
		defer close(values)
		for i := range 2 * seconds {
			select {
			case values <- fmt.Appendf(nil, "%s-%d", mark, i):
			case <-ctx.Done():
				return
			}
			time.Sleep(time.Second / 2)
		}
	}()
	return l.stay(ctx, values)
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
