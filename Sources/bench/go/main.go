// SPDX-License-Identifier: Apache-2.0
//
// The opponent: bench's workloads in Go, with the same command line. `bench --help`
// says what each of them is.

package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A workload gets n and returns (ops, elapsed ns that ops took, extra key=value pairs).
type result struct {
	n       int
	elapsed float64 // ns
	extra   []string
}

type workload struct {
	name string
	p    int // GOMAXPROCS (BENCH_P overrides it where p > 1)
	n    int // default N
	f    func(n int) result
}

var workloads []workload

func reg(name string, p, n int, f func(n int) result) {
	workloads = append(workloads, workload{name, p, n, f})
}

func kv(k string, v any) string {
	switch x := v.(type) {
	case float64:
		return fmt.Sprintf("%s=%.3f", k, x)
	default:
		return fmt.Sprintf("%s=%v", k, x)
	}
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func res(n int, d time.Duration, extra ...string) result {
	return result{n, float64(d.Nanoseconds()), extra}
}

// The unit of CPU work: a dependent 64-bit mixing chain (5 cycles a step), no calls, no memory.
// Not an LCG: LLVM unrolls one of those and folds the constants, eight steps into one.
//
//go:noinline
func work(iters int, x uint64) uint64 {
	for i := 0; i < iters; i++ {
		x = (x ^ x>>31) * 0x9e3779b97f4a7c15
	}
	return x
}

func splitmix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

func pct(sorted []int64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := int(p*float64(len(sorted))+0.999999) - 1
	if i < 0 {
		i = 0
	}
	if i >= len(sorted) {
		i = len(sorted) - 1
	}
	return float64(sorted[i])
}

func sort64(a []int64) { sort.Slice(a, func(i, j int) bool { return a[i] < a[j] }) }

// procKB reads one "Key:  123 kB" line.
func procKB(file, key string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for _, l := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(l, key+":") {
			f := strings.Fields(l)
			v, _ := strconv.ParseInt(f[1], 10, 64)
			return v
		}
	}
	return 0
}

func main() {
	if len(os.Args) < 2 || os.Args[1] == "list" {
		for _, w := range workloads {
			fmt.Println(w.name)
		}
		return
	}
	for _, w := range workloads {
		if w.name != os.Args[1] {
			continue
		}
		n := w.n
		if len(os.Args) > 2 {
			v, err := strconv.Atoi(os.Args[2])
			if err != nil || v <= 0 {
				fmt.Fprintln(os.Stderr, "bad N")
				os.Exit(2)
			}
			n = v
		}
		p := w.p
		if s := os.Getenv("BENCH_P"); s != "" && p > 1 {
			if v, err := strconv.Atoi(s); err == nil && v > 0 {
				p = v
			}
		}
		runtime.GOMAXPROCS(p)
		r := w.f(n)
		var ru syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
		fmt.Printf("%s %d %.2f p=%d total_ms=%.3f", w.name, r.n, r.elapsed/float64(r.n), p, r.elapsed/1e6)
		for _, e := range r.extra {
			fmt.Print(" ", e)
		}
		fmt.Printf(" user_ms=%.0f sys_ms=%.0f vcsw=%d ivcsw=%d maxrss_kb=%d\n",
			float64(ru.Utime.Nano())/1e6, float64(ru.Stime.Nano())/1e6, ru.Nvcsw, ru.Nivcsw, ru.Maxrss)
		return
	}
	fmt.Fprintln(os.Stderr, "unsupported workload:", os.Args[1])
	os.Exit(3)
}
