// SPDX-License-Identifier: Apache-2.0

// The work of coro_parked.cpp, done by goroutines.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
)

// bytes is the number of a line "NAME  123 kB".
func bytes(path, name string) int64 {
	text, _ := os.ReadFile(path)
	for _, line := range strings.Split(string(text), "\n") {
		if words := strings.Fields(line); len(words) > 1 && words[0] == name {
			kilobytes, _ := strconv.ParseInt(words[1], 10, 64)
			return kilobytes * 1024
		}
	}
	return 0
}

// memory is what is resident and its page tables, without garbage.
func memory() (int64, int64) {
	debug.FreeOSMemory()
	return bytes("/proc/self/smaps_rollup", "Rss:"), bytes("/proc/self/status", "VmPTE:")
}

func main() {
	runtime.GOMAXPROCS(1)
	count := 0
	if len(os.Args) == 2 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	if count <= 0 {
		fmt.Fprintln(os.Stderr, "usage: parked COUNT")
		os.Exit(2)
	}
	never := make(chan bool)
	var started, gone sync.WaitGroup
	started.Add(count)
	gone.Add(count)
	resident, tables := memory()
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-never
			gone.Done()
		}()
	}
	started.Wait()
	residentNow, tablesNow := memory()
	fmt.Printf("go,%d,%.1f,%.1f\n", count, float64(residentNow-resident)/float64(count),
		float64(tablesNow-tables)/float64(count))
	close(never)
	gone.Wait()
}
