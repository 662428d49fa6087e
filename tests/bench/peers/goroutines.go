// SPDX-License-Identifier: Apache-2.0

// The work of coro_bench.cpp, done by goroutines. Prints "name,ns" lines.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
)

func yield(b *testing.B) {
	done := make(chan bool)
	stop := false
	go func() {
		for !stop {
			runtime.Gosched()
		}
		done <- true
	}()
	for i := 0; i < b.N; i++ {
		runtime.Gosched()
	}
	stop = true
	<-done
}

func spawnExit(b *testing.B) {
	const batch = 1000
	for i := 0; i < b.N; i++ {
		var left sync.WaitGroup
		left.Add(batch)
		for j := 0; j < batch; j++ {
			go func() { left.Done() }()
		}
		left.Wait()
	}
}

func channelRoundTrip(b *testing.B) {
	there, back := make(chan uint64), make(chan uint64)
	go func() {
		for value := range there {
			back <- value
		}
	}()
	for i := 0; i < b.N; i++ {
		there <- 1
		<-back
	}
	close(there)
}

// run prints nanoseconds an operation, of which a benchmark's iteration has many.
func run(name string, operations int, function func(*testing.B)) {
	result := testing.Benchmark(function)
	ns := float64(result.T.Nanoseconds()) / float64(result.N) / float64(operations)
	fmt.Printf("%s,%.3f\n", name, ns)
}

func main() {
	testing.Init()
	runtime.GOMAXPROCS(1) // as the others: one thread runs all of it
	if len(os.Args) != 2 || flag.Set("test.benchtime", os.Args[1]) != nil {
		fmt.Fprintln(os.Stderr, "usage: goroutines DURATION   (of a benchmark, for example 0.5s)")
		os.Exit(2)
	}
	run("yield", 2, yield)
	run("spawn_exit", 1000, spawnExit)
	run("channel_round_trip", 1, channelRoundTrip)
}
