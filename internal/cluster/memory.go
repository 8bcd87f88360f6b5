package cluster

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// memorySize gives the bytes of memory of the machine, or the smaller limit of
// its control group, and 0 where neither can be read.
func memorySize() int64 {
	size := memTotal("/proc/meminfo")
	if raw, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); err == nil && n > 0 && (size == 0 || n < size) {
			size = n
		}
	}
	return size
}

func memTotal(file string) int64 {
	f, err := os.Open(file)
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Fields(s.Text()) // MemTotal:  16314300 kB
		if len(fields) == 3 && fields[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
