// SPDX-License-Identifier: Apache-2.0
//
// Channels, select and the mutex.                                 Swift: chans.swift

package main

import (
	"sync"
	"time"
)

func chanPingpong(n int) result {
	a, b := make(chan int), make(chan int)
	done := make(chan struct{})
	go func() {
		for v := range a {
			b <- v + 1
		}
		close(b)
	}()
	var d time.Duration
	go func() {
		t0 := time.Now()
		for i := 0; i < n; i++ {
			a <- i
			if v := <-b; v != i+1 {
				panic("pingpong")
			}
		}
		d = time.Since(t0)
		close(a)
		close(done)
	}()
	<-done
	return res(n, d)
}

func chanBuffered(n int) result {
	c := make(chan int, 128)
	done := make(chan int)
	t0 := time.Now()
	go func() {
		for i := 0; i < n; i++ {
			c <- i
		}
		close(c)
	}()
	go func() {
		s := 0
		for v := range c {
			s += v
		}
		done <- s
	}()
	s := <-done
	d := time.Since(t0)
	if s != n*(n-1)/2 {
		panic("chan-buffered")
	}
	return res(n, d, kv("cap", 128))
}

func chanMPMC(n int) result {
	const prod, cons = 8, 8
	per := n / prod
	c := make(chan int, 64)
	var pw, cw sync.WaitGroup
	sums := make([]int, cons*16)
	pw.Add(prod)
	cw.Add(cons)
	t0 := time.Now()
	for i := 0; i < cons; i++ {
		go func() {
			s := 0
			for v := range c {
				s += v
			}
			sums[i*16] = s
			cw.Done()
		}()
	}
	for i := 0; i < prod; i++ {
		go func() {
			for j := 0; j < per; j++ {
				c <- j
			}
			pw.Done()
		}()
	}
	pw.Wait()
	close(c)
	cw.Wait()
	d := time.Since(t0)
	tot := 0
	for i := 0; i < cons; i++ {
		tot += sums[i*16]
	}
	if tot != prod*(per*(per-1)/2) {
		panic("chan-mpmc")
	}
	return res(per*prod, d, kv("producers", prod), kv("consumers", cons), kv("cap", 64))
}

func selectBench(n int) result {
	per := n / 4
	var c [4]chan int
	for i := range c {
		c[i] = make(chan int)
	}
	done := make(chan int)
	t0 := time.Now()
	for i := range c {
		go func() {
			for j := 0; j < per; j++ {
				c[i] <- j
			}
		}()
	}
	go func() {
		s := 0
		for i := 0; i < per*4; i++ {
			select {
			case v := <-c[0]:
				s += v
			case v := <-c[1]:
				s += v
			case v := <-c[2]:
				s += v
			case v := <-c[3]:
				s += v
			}
		}
		done <- s
	}()
	s := <-done
	d := time.Since(t0)
	if s != 4*(per*(per-1)/2) {
		panic("select")
	}
	return res(per*4, d)
}

func sieve(n int) result {
	t0 := time.Now()
	gen := make(chan int)
	stop := make(chan struct{})
	go func() {
		for i := 2; ; i++ {
			select {
			case gen <- i:
			case <-stop:
				return
			}
		}
	}()
	ch := gen
	prime := 0
	for i := 0; i < n; i++ {
		prime = <-ch
		next := make(chan int)
		go func(in, out chan int, p int) {
			for {
				v := <-in
				if v%p != 0 {
					out <- v
				}
			}
		}(ch, next, prime)
		ch = next
	}
	d := time.Since(t0)
	return res(n, d, kv("prime", prime))
}

func mutexBench(n int) result {
	const g = 64
	per := n / g
	var mu sync.Mutex
	cnt := 0
	var wg sync.WaitGroup
	wg.Add(g)
	start := make(chan struct{})
	for i := 0; i < g; i++ {
		go func() {
			<-start
			for j := 0; j < per; j++ {
				mu.Lock()
				cnt++
				mu.Unlock()
			}
			wg.Done()
		}()
	}
	t0 := time.Now()
	close(start)
	wg.Wait()
	d := time.Since(t0)
	if cnt != per*g {
		panic("mutex")
	}
	return res(per*g, d, kv("goroutines", g))
}

func init() {
	reg("chan-pingpong", 1, 2_000_000, chanPingpong)
	reg("chan-pingpong-mp", 2, 2_000_000, chanPingpong)
	reg("chan-buffered", 1, 10_000_000, chanBuffered)
	reg("chan-buffered-mp", 2, 10_000_000, chanBuffered)
	reg("chan-mpmc", 2, 4_000_000, chanMPMC)
	reg("select", 1, 2_000_000, selectBench)
	reg("select-mp", 2, 2_000_000, selectBench)
	reg("sieve", 2, 2000, sieve)
	reg("sieve-p1", 1, 2000, sieve)
	reg("mutex", 2, 10_000_000, mutexBench)
	reg("mutex-p1", 1, 10_000_000, mutexBench)
}
