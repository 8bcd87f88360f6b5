package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/enterprise-event-bus/eventbus/bench/measure"
)

const (
	connections = 8
	window      = time.Second
	mediaType   = "application/vnd.schemaregistry.v1+json"
)

// serveBare is net/http with nothing behind it: it serves the bytes it is given.
func serveBare(answer string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	body := []byte(answer)
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body) // a client that left
	}))
	return measure.Serve(map[string]string{"url": "http://" + l.Addr().String()})
}

// get reads one schema over and over, on kept connections.
func (b *bench) get() error {
	bus, err := measure.Run(b.binary, b.folder("get"))
	if err != nil {
		return err
	}
	defer bus.Stop()
	answer, err := text(bus.Registry + "/schemas/ids/1")
	if err != nil {
		return err
	}
	bare, err := measure.Start("bare", answer)
	if err != nil {
		return err
	}
	defer bare.Stop()
	for range b.rounds {
		for _, side := range []struct {
			name, url string
			pid       measure.PID
		}{{"bare", bare.Hello["url"], bare.PID}, {"registry", bus.Registry, bus.PID}} {
			requests, cpu, err := hammer(side.pid, side.url, answer)
			if err != nil {
				return err
			}
			b.Add("get "+side.name+" /s", float64(requests)/window.Seconds())
			b.Add("get "+side.name+" CPU us", cpu/float64(requests)*1e6)
		}
	}
	return nil
}

func text(url string) (string, error) {
	response, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", url, response.Status, body)
	}
	return string(body), err
}

// hammer counts the answers of one window and the server's CPU seconds. The
// client is as cheap as can be: it writes a fixed request and reads until the
// end of the fixed body, because it shares the processors with the server.
func hammer(server measure.PID, url, answer string) (requests int, cpu float64, err error) {
	host := strings.TrimPrefix(url, "http://")
	counts := make([]int, connections)
	used, err := server.Spend(func() error {
		var group errgroup.Group
		for i := range connections {
			group.Go(func() (err error) { counts[i], err = ask(host, answer); return err })
		}
		return group.Wait()
	})
	for _, n := range counts {
		requests += n
	}
	return requests, used.CPU, err
}

func ask(host, answer string) (n int, err error) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	request := []byte("GET /schemas/ids/1 HTTP/1.1\r\nHost: " + host + "\r\nAccept: " + mediaType + "\r\nUser-Agent: bench\r\n\r\n")
	end, buf := []byte(answer[len(answer)-8:]), make([]byte, 4096)
	for stop := time.Now().Add(window); time.Now().Before(stop); n++ {
		if _, err := conn.Write(request); err != nil {
			return n, err
		}
		for got := 0; ; {
			m, err := conn.Read(buf[got:])
			if err != nil {
				return n, err
			}
			if got += m; bytes.HasSuffix(buf[:got], end) {
				break
			}
		}
	}
	return n, nil
}
