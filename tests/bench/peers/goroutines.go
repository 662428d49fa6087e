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

func mutex(b *testing.B) {
	var mutex sync.Mutex
	for i := 0; i < b.N; i++ {
		mutex.Lock()
		mutex.Unlock()
	}
}

// selectRoundTrip: whoever selects finds no channel ready, and waits on all.
func selectRoundTrip(b *testing.B) {
	var there [4]chan uint64
	for i := range there {
		there[i] = make(chan uint64)
	}
	back := make(chan uint64)
	stop := make(chan bool)
	go func() {
		for {
			var value uint64
			select {
			case value = <-there[0]:
			case value = <-there[1]:
			case value = <-there[2]:
			case value = <-there[3]:
			}
			back <- value
			if value == 0 {
				stop <- true
				return
			}
		}
	}()
	for i := 0; i < b.N; i++ {
		there[i%4] <- 1
		<-back
	}
	there[0] <- 0
	<-back
	<-stop
}

// selectReady: whoever selects finds all channels ready, and never waits.
func selectReady(b *testing.B) {
	var full [4]chan uint64
	for i := range full {
		full[i] = make(chan uint64, 1)
		full[i] <- 1
	}
	for i := 0; i < b.N; i++ {
		select {
		case value := <-full[0]:
			full[0] <- value
		case value := <-full[1]:
			full[1] <- value
		case value := <-full[2]:
			full[2] <- value
		case value := <-full[3]:
			full[3] <- value
		}
	}
}

// run prints nanoseconds an operation, of which a benchmark's iteration has many.
func run(name string, operations int, function func(*testing.B)) {
	result := testing.Benchmark(function)
	ns := float64(result.T.Nanoseconds()) / float64(result.N) / float64(operations)
	fmt.Printf("%s,%.3f\n", name, ns)
}

func main() {
	testing.Init()
	if len(os.Args) != 3 || flag.Set("test.benchtime", os.Args[1]) != nil {
		fmt.Fprintln(os.Stderr, "usage: goroutines DURATION micro|pingpong   (of a benchmark, for example 0.5s)")
		os.Exit(2)
	}
	if os.Args[2] == "pingpong" {
		runtime.GOMAXPROCS(2)
		run("ping_pong", 1, channelRoundTrip)
		return
	}
	runtime.GOMAXPROCS(1) // as the others: one thread runs all of it
	run("yield", 2, yield)
	run("spawn_exit", 1000, spawnExit)
	run("channel_round_trip", 1, channelRoundTrip)
	run("mutex", 1, mutex)
	run("select_round_trip", 1, selectRoundTrip)
	run("select_ready", 1, selectReady)
}
