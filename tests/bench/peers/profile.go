// SPDX-License-Identifier: Apache-2.0

// Go's own profile of many goroutines that wait, and for how long it holds up one
// that runs all the time. Prints "name,value" lines, in ms.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var longest int64

func runAllTheTime() {
	for last := time.Now(); ; {
		now := time.Now()
		if held := now.Sub(last).Nanoseconds(); held > atomic.LoadInt64(&longest) {
			atomic.StoreInt64(&longest, held)
		}
		last = now
	}
}

func milliseconds(ns int64) float64 { return float64(ns) / 1e6 }

// measure prints how long it took, if that has a name, and the stall meanwhile.
func measure(name, stall string, work func()) {
	atomic.StoreInt64(&longest, 0)
	start := time.Now()
	work()
	took := time.Since(start).Nanoseconds()
	if name != "" {
		fmt.Printf("%s,%.3f\n", name, milliseconds(took))
	}
	fmt.Printf("%s,%.3f\n", stall, milliseconds(atomic.LoadInt64(&longest)))
}

func profile(debug int) func() {
	return func() {
		out := bufio.NewWriterSize(io.Discard, 1<<16)
		_ = pprof.Lookup("goroutine").WriteTo(out, debug)
		_ = out.Flush()
	}
}

func main() {
	count := 0
	if len(os.Args) == 2 {
		count, _ = strconv.Atoi(os.Args[1])
	}
	if count <= 0 {
		fmt.Fprintln(os.Stderr, "usage: profile COUNT")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(2)
	never := make(chan bool)
	var started sync.WaitGroup
	started.Add(count)
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-never
		}()
	}
	started.Wait()
	go runAllTheTime()
	measure("", "stall_idle", func() { time.Sleep(time.Second) })
	measure("stacks_first", "stall_first", profile(1))
	measure("stacks", "stall_stacks", profile(1))
}
