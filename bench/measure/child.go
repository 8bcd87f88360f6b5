package measure

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
)

// roleVariable names the part that a child process of a benchmark plays.
const roleVariable = "EVENTBUS_BENCH_ROLE"

// Role is the part this process has to play; empty in the benchmark itself.
func Role() string { return os.Getenv(roleVariable) }

// Child is this program started again to play a server: what it costs is then
// its own process's, apart from the load's.
type Child struct {
	PID
	Hello map[string]string // what the server told about itself
	cmd   *exec.Cmd
	in    io.WriteCloser
	out   *bufio.Reader
}

// Start runs a role in a process of its own and waits until it is ready.
func Start(role string, args ...string) (*Child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &Child{cmd: exec.Command(program, args...)}
	c.cmd.Env = append(os.Environ(), roleVariable+"="+role)
	c.cmd.Stderr = os.Stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	c.PID, c.out = PID(c.cmd.Process.Pid), bufio.NewReader(out)
	line, err := c.out.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c.Hello)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server %s did not start: %w", role, err), c.Stop())
	}
	return c, nil
}

// Live is what a child holds after its garbage was collected and given back.
type Live struct {
	Heap  float64 // MiB of live objects
	Stack float64 // MiB of goroutine stacks
	RSS   float64 // MiB, as the kernel counts it
}

// Live makes the child collect its garbage and measures what is left.
func (c *Child) Live() (Live, error) {
	var live Live
	if _, err := io.WriteString(c.in, "collect\n"); err != nil {
		return live, err
	}
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return live, err
	}
	if err := json.Unmarshal(line, &live); err != nil {
		return live, err
	}
	live.RSS, _, err = c.Memory()
	return live, err
}

// Stop ends the child.
func (c *Child) Stop() error {
	return errors.Join(c.in.Close(), c.cmd.Wait())
}

// Serve is the child's side: it tells the parent hello, answers Live, and
// returns when the parent stops it. With EVENTBUS_BENCH_HEAP=FILE each Live also
// writes a heap profile there.
func Serve(hello map[string]string) error {
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(hello); err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory()
		debug.FreeOSMemory() // finalizers of the first have run
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if file := os.Getenv("EVENTBUS_BENCH_HEAP"); file != "" {
			if err := writeHeap(file); err != nil {
				return err
			}
		}
		if err := out.Encode(Live{Heap: float64(m.HeapAlloc) / (1 << 20), Stack: float64(m.StackInuse) / (1 << 20)}); err != nil {
			return err
		}
	}
	return nil
}

func writeHeap(file string) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pprof.Lookup("heap").WriteTo(out, 0), out.Close())
}
