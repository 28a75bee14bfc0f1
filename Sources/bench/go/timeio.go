// SPDX-License-Identifier: Apache-2.0
//
// Timers, preemption, system calls and the network.              Swift: timeio.swift

package main

import (
	"io"
	"math/bits"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func timers(n int) result {
	late := make([]int64, n)
	var wg sync.WaitGroup
	wg.Add(n)
	t0 := time.Now()
	for i := 0; i < n; i++ {
		go func() {
			d := time.Duration(1000+splitmix(uint64(i))%99001) * time.Microsecond
			s := time.Now()
			time.Sleep(d)
			late[i] = int64(time.Since(s) - d)
			wg.Done()
		}()
	}
	spawned := time.Since(t0)
	wg.Wait()
	d := time.Since(t0)
	var sum float64
	for _, v := range late {
		sum += float64(v)
	}
	sort64(late)
	return res(n, d, kv("late_mean_us", sum/float64(n)/1e3), kv("late_p50_us", pct(late, .5)/1e3), kv("late_p99_us", pct(late, .99)/1e3),
		kv("late_max_us", pct(late, 1)/1e3), kv("spawn_ms", ms(spawned)))
}

// calibrate gives work() iterations per ns on this machine, now.
func calibrate() float64 {
	best := 0.0
	for i := 0; i < 5; i++ {
		const it = 5_000_000
		t0 := time.Now()
		sink += work(it, uint64(i)+1)
		if r := it / float64(time.Since(t0).Nanoseconds()); r > best {
			best = r
		}
	}
	return best
}

// n = busy time in ms
func preemptLatency(n int) result {
	rate := calibrate()
	iters := int(rate * float64(n) * 1e6)
	var late []int64
	var stop atomic.Bool
	ready := make(chan struct{})
	done := make(chan struct{})
	go func() {
		close(ready)
		for !stop.Load() {
			s := time.Now()
			time.Sleep(time.Millisecond)
			late = append(late, int64(time.Since(s)-time.Millisecond))
		}
		close(done)
	}()
	<-ready
	var busy time.Duration
	bdone := make(chan struct{})
	go func() {
		t0 := time.Now()
		sink += work(iters, 7)
		busy = time.Since(t0)
		stop.Store(true)
		close(bdone)
	}()
	<-bdone
	<-done
	sort64(late)
	k := len(late)
	var sum float64
	for _, v := range late {
		sum += float64(v)
	}
	return result{k, sum, []string{kv("late_p50_us", pct(late, .5)/1e3), kv("late_p99_us", pct(late, .99)/1e3), kv("late_max_us", pct(late, 1)/1e3), kv("samples", k), kv("busy_ms", ms(busy)), kv("nominal_ms", n)}}
}

// spin counts chunks of 10k work iterations until stop.
func spin(stop *atomic.Bool) int64 {
	var c int64
	x := uint64(1)
	for !stop.Load() {
		for i := 0; i < 10000; i++ {
			x = (x ^ x>>31) * 0x9e3779b97f4a7c15
		}
		c++
	}
	sink += x
	return c
}

func syscallHandoff(n int) result {
	const k = 8
	// alone
	var stop atomic.Bool
	rate := func(f func()) (float64, time.Duration) {
		stop.Store(false)
		var cnt int64
		var el time.Duration
		fin := make(chan struct{})
		up := make(chan struct{})
		go func() {
			close(up)
			t0 := time.Now()
			cnt = spin(&stop)
			el = time.Since(t0)
			close(fin)
		}()
		<-up
		t0 := time.Now()
		f()
		d := time.Since(t0)
		stop.Store(true)
		<-fin
		return float64(cnt) / float64(el.Nanoseconds()), d
	}
	alone, _ := rate(func() { time.Sleep(300 * time.Millisecond) })
	with, d := rate(func() {
		var ticket atomic.Int64
		var wg sync.WaitGroup
		wg.Add(k)
		for i := 0; i < k; i++ {
			go func() {
				for ticket.Add(1) <= int64(n) {
					ts := syscall.Timespec{Nsec: 5_000_000}
					syscall.Nanosleep(&ts, nil)
				}
				wg.Done()
			}()
		}
		wg.Wait()
	})
	rounds := (n + k - 1) / k
	return res(n, d, kv("ideal_ms", rounds*5), kv("cpu_progress", with/alone), kv("blockers", k))
}

// Histogram: 32 sub-buckets per power of two, error below about 3 %.
type hist struct {
	b [64 * 32]uint32
	n uint64
}

func (h *hist) add(v uint64) {
	h.n++
	if v < 32 {
		h.b[v]++
		return
	}
	e := uint(bits.Len64(v)) - 6
	h.b[(e+1)*32+uint(v>>e)-32]++
}
func (h *hist) merge(o *hist) {
	for i := range h.b {
		h.b[i] += o.b[i]
	}
	h.n += o.n
}
func (h *hist) q(p float64) float64 {
	t := uint64(p * float64(h.n))
	var c uint64
	for i, x := range h.b {
		c += uint64(x)
		if c > t {
			if i < 32 {
				return float64(i)
			}
			e := uint(i/32) - 1
			return (float64(i%32+32) + 0.5) * float64(uint64(1)<<e)
		}
	}
	return 0
}

// n = duration in ms. Server and the 64 clients are in this one process.
func echo(n int) result {
	const conns, size = 64, 64
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, size)
				for {
					if _, err := io.ReadFull(c, buf); err != nil {
						c.Close()
						return
					}
					if _, err := c.Write(buf); err != nil {
						c.Close()
						return
					}
				}
			}()
		}
	}()
	var cs [conns]net.Conn
	for i := range cs {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			panic(err)
		}
		cs[i] = c
	}
	hs := make([]*hist, conns)
	var wg sync.WaitGroup
	wg.Add(conns)
	dur := time.Duration(n) * time.Millisecond
	t0 := time.Now()
	for i := range cs {
		hs[i] = new(hist)
		go func() {
			h, c := hs[i], cs[i]
			buf := make([]byte, size)
			s := time.Since(t0)
			for s < dur {
				if _, err := c.Write(buf); err != nil {
					panic(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					panic(err)
				}
				e := time.Since(t0)
				h.add(uint64(e - s))
				s = e
			}
			wg.Done()
		}()
	}
	wg.Wait()
	d := time.Since(t0)
	var all hist
	for _, h := range hs {
		all.merge(h)
	}
	return res(int(all.n), d, kv("rps", float64(all.n)/d.Seconds()), kv("p50_us", all.q(.5)/1e3), kv("p99_us", all.q(.99)/1e3), kv("p999_us", all.q(.999)/1e3), kv("conns", conns), kv("bytes", size))
}

func init() {
	reg("timers", 2, 100_000, timers)
	reg("preempt-latency", 1, 1000, preemptLatency)
	reg("syscall-handoff", 1, 100, syscallHandoff)
	reg("echo", 2, 5000, echo)
}
