// SPDX-License-Identifier: Apache-2.0
//
// Scheduling, stacks and parallel computing.                      Swift: sched.swift

package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

func yieldN(g int) func(int) result {
	return func(n int) result {
		per := n / g
		var wg sync.WaitGroup
		wg.Add(g)
		start := make(chan struct{})
		for i := 0; i < g; i++ {
			go func() {
				<-start
				for j := 0; j < per; j++ {
					runtime.Gosched()
				}
				wg.Done()
			}()
		}
		runtime.Gosched()
		t0 := time.Now()
		close(start)
		wg.Wait()
		return res(per*g, time.Since(t0), kv("goroutines", g))
	}
}

func spawn(n int) result {
	const batch = 1000
	b := n / batch
	if b == 0 {
		b = 1
	}
	var wg sync.WaitGroup
	t0 := time.Now()
	for i := 0; i < b; i++ {
		wg.Add(batch)
		for j := 0; j < batch; j++ {
			go wg.Done()
		}
		wg.Wait()
	}
	return res(b*batch, time.Since(t0))
}

func skynetNode(c chan int, num, size, div int) {
	if size == 1 {
		c <- num
		return
	}
	rc := make(chan int)
	for i := 0; i < div; i++ {
		go skynetNode(rc, num+i*(size/div), size/div, div)
	}
	sum := 0
	for i := 0; i < div; i++ {
		sum += <-rc
	}
	c <- sum
}

func skynet(n int) result {
	c := make(chan int)
	t0 := time.Now()
	go skynetNode(c, 0, n, 10)
	s := <-c
	d := time.Since(t0)
	if s != n*(n-1)/2 {
		panic("skynet: wrong sum")
	}
	return res(n, d)
}

func idleMemory(n int) result {
	hold := make(chan struct{})
	var up atomic.Int64
	var wg sync.WaitGroup
	wg.Add(n)
	runtime.GC()
	rss0 := procKB("/proc/self/smaps_rollup", "Rss")
	pte0 := procKB("/proc/self/status", "VmPTE")
	av0 := procKB("/proc/meminfo", "MemAvailable")
	t0 := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			up.Add(1)
			<-hold
			wg.Done()
		}()
	}
	for up.Load() < int64(n) {
		runtime.Gosched()
	}
	d := time.Since(t0)
	time.Sleep(20 * time.Millisecond)
	rss := procKB("/proc/self/smaps_rollup", "Rss") - rss0
	pte := procKB("/proc/self/status", "VmPTE") - pte0
	av := av0 - procKB("/proc/meminfo", "MemAvailable")
	vsz := procKB("/proc/self/status", "VmSize")
	t1 := time.Now()
	close(hold)
	wg.Wait()
	rel := time.Since(t1)
	per := func(kb int64) float64 { return float64(kb) * 1024 / float64(n) }
	return res(n, d, kv("bytes_per", per(rss)), kv("pte_bytes_per", per(pte)), kv("sys_bytes_per", per(av)),
		kv("vsz_mb", vsz/1024), kv("release_ns_per", float64(rel.Nanoseconds())/float64(n)))
}

var deepAddr uintptr

//go:noinline
func recurse(n int, acc uint64) uint64 {
	var pad [11]uint64 // makes the frame 128 bytes
	pad[n&7] = acc + uint64(n)
	if n == 0 {
		deepAddr = uintptr(unsafe.Pointer(&pad))
		return acc
	}
	r := recurse(n-1, pad[(n+3)&7]+acc)
	return r + pad[n&7]
}

// once runs one descent and returns (elapsed, stack bytes).
func descend(n int) (time.Duration, uintptr) {
	var top byte
	t0 := time.Now()
	sink = recurse(n, 1)
	d := time.Since(t0)
	return d, uintptr(unsafe.Pointer(&top)) - deepAddr
}

var sink uint64

func deepRecursion(n int) result {
	type out struct {
		d     time.Duration
		bytes uintptr
	}
	runOn := func(k int) []out { // k descents in one fresh goroutine
		c := make(chan []out)
		go func() {
			var o []out
			for i := 0; i < k; i++ {
				d, b := descend(n)
				o = append(o, out{d, b})
			}
			c <- o
		}()
		return <-c
	}
	a := runOn(11)
	first := a[0]
	var rep, fresh []int64
	for _, o := range a[1:] {
		rep = append(rep, o.d.Nanoseconds())
	}
	for i := 0; i < 10; i++ {
		fresh = append(fresh, runOn(1)[0].d.Nanoseconds())
	}
	sort64(rep)
	sort64(fresh)
	return res(n, first.d,
		kv("repeat_ns", pct(rep, 0.5)/float64(n)), kv("fresh_ns", pct(fresh, 0.5)/float64(n)),
		kv("frame_bytes", float64(first.bytes)/float64(n)), kv("stack_mb", float64(first.bytes)/1e6))
}

const fanIters = 1600 // about 2 us

func stealFanout(n int) result {
	out := make([]uint64, n)
	t0 := time.Now()
	var want uint64
	for i := 0; i < n; i++ {
		want += work(fanIters, uint64(i)+1)
	}
	serial := time.Since(t0)
	var wg sync.WaitGroup
	wg.Add(n)
	done := make(chan struct{})
	t1 := time.Now()
	go func() {
		for i := 0; i < n; i++ {
			go func() {
				out[i] = work(fanIters, uint64(i)+1)
				wg.Done()
			}()
		}
		wg.Wait()
		close(done)
	}()
	<-done
	d := time.Since(t1)
	var got uint64
	for _, v := range out {
		got += v
	}
	if got != want {
		panic("steal-fanout: wrong sum")
	}
	p := runtime.GOMAXPROCS(0)
	return res(n, d, kv("serial_ms", ms(serial)), kv("eff", float64(serial)/(float64(p)*float64(d))))
}

//go:noinline
func sfib(n int) int {
	if n < 2 {
		return n
	}
	return sfib(n-1) + sfib(n-2)
}

func pfib(n, cut int) int {
	if n < cut {
		return sfib(n)
	}
	c := make(chan int, 1)
	go func() { c <- pfib(n-1, cut) }()
	b := pfib(n-2, cut)
	return b + <-c
}

func parallelFib(cut int) func(int) result {
	return func(n int) result {
		t0 := time.Now()
		want := sfib(n)
		serial := time.Since(t0)
		c := make(chan int)
		t1 := time.Now()
		go func() { c <- pfib(n, cut) }()
		got := <-c
		d := time.Since(t1)
		if got != want {
			panic("fib")
		}
		// spawns: S(n) = 1 + S(n-1) + S(n-2), 0 below the cutoff
		a, b := 0, 0
		for i := cut; i <= n; i++ {
			a, b = b, a+b+1
		}
		p := runtime.GOMAXPROCS(0)
		r := res(b, d, kv("fib", n), kv("cutoff", cut), kv("serial_ms", ms(serial)), kv("eff", float64(serial)/(float64(p)*float64(d))))
		return r
	}
}

func nqSerial(full, cols, d1, d2 uint32) int {
	if cols == full {
		return 1
	}
	s := 0
	for av := full &^ (cols | d1 | d2); av != 0; {
		bit := av & -av
		av ^= bit
		s += nqSerial(full, cols|bit, ((d1|bit)<<1)&full, (d2|bit)>>1)
	}
	return s
}

var nqTasks atomic.Int64

func nqPar(full, cols, d1, d2 uint32, depth, n int) int {
	if depth == 0 {
		return nqSerial(full, cols, d1, d2)
	}
	c := make(chan int, n)
	k := 0
	for av := full &^ (cols | d1 | d2); av != 0; {
		bit := av & -av
		av ^= bit
		k++
		go func() { c <- nqPar(full, cols|bit, ((d1|bit)<<1)&full, (d2|bit)>>1, depth-1, n) }()
	}
	nqTasks.Add(int64(k))
	s := 0
	for i := 0; i < k; i++ {
		s += <-c
	}
	return s
}

func nqueens(n int) result {
	full := uint32(1)<<n - 1
	t0 := time.Now()
	want := nqSerial(full, 0, 0, 0)
	serial := time.Since(t0)
	c := make(chan int)
	t1 := time.Now()
	go func() { c <- nqPar(full, 0, 0, 0, 4, n) }()
	got := <-c
	d := time.Since(t1)
	if got != want {
		panic("nqueens")
	}
	p := runtime.GOMAXPROCS(0)
	return res(int(nqTasks.Load()), d, kv("queens", n), kv("depth", 4), kv("solutions", got), kv("serial_ms", ms(serial)), kv("eff", float64(serial)/(float64(p)*float64(d))))
}

func init() {
	reg("yield", 1, 5_000_000, yieldN(2))
	reg("yield-1k", 1, 5_000_000, yieldN(1000))
	reg("spawn", 1, 2_000_000, spawn)
	reg("spawn-mp", 2, 2_000_000, spawn)
	reg("skynet", 2, 1_000_000, skynet)
	reg("skynet-p1", 1, 1_000_000, skynet)
	reg("idle-memory", 2, 100_000, idleMemory)
	reg("idle-memory-1m", 2, 1_000_000, idleMemory)
	reg("deep-recursion", 2, 500_000, deepRecursion)
	reg("steal-fanout", 2, 100_000, stealFanout)
	reg("parallel-fib", 2, 36, parallelFib(16))
	reg("parallel-fib-fine", 2, 30, parallelFib(8))
	reg("nqueens", 2, 13, nqueens)
}
