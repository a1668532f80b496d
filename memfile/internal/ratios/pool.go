//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"

	"github.com/embedhcp/embedhcp/pool"
)

var errNoneFree = errors.New("no free address")

// measurePool does not depend on the scale.
func measurePool(s *settings) ([]row, error) {
	v, err := child(1, "pool", fmt.Sprint(s.rounds))
	return []row{
		{"pool: the one free address of a /8 taken and released, slowest order", limit, seconds, v["slowest"], []float64{200e-9}, 1},
		{"pool: memory of a /8 until used", limit, octets, v["large"], []float64{3e6}, 1},
		{"pool: memory of a /24 until used", limit, octets, v["small"], []float64{200}, 1},
		{"pool: memory of an address that was freed", limit, octets, v["freed"], []float64{5}, 1},
	}, err
}

func childPool(v values, args []string) error {
	rounds, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	slash8 := pool.MustParseRange("10.0.0.0/8")
	slowest := make([]float64, rounds)
	for order := pool.LeastRecentlyUsed; order <= pool.Hash; order++ {
		a, err := pool.New(order, slash8)
		if err != nil {
			return err
		}
		for i := range int(slash8.Len()) {
			if i != 11184810 {
				a.Take(clientNumber(i).addr)
			}
		}
		for i := range rounds {
			seed := uint64(0)
			each, err := perCall(1_000_000, func() error {
				seed++
				ip, ok := a.Next(netip.Addr{}, seed)
				if !ok {
					return errNoneFree
				}
				a.Release(ip)
				return nil
			})
			if err != nil {
				return err
			}
			slowest[i] = max(slowest[i], each)
		}
	}
	v["slowest"] = slowest

	const many = 10000
	slash24 := pool.MustParseRange("10.0.0.0/24")
	v.add("small", heapOf(func() any {
		as := make([]*pool.Allocator, many)
		for i := range as {
			as[i], _ = pool.New(pool.LeastRecentlyUsed, slash24)
		}
		return as
	})/many-8) // the pointer
	var a *pool.Allocator
	v.add("large", heapOf(func() any {
		a, _ = pool.New(pool.LeastRecentlyUsed, slash8)
		return a
	}))
	used := int(slash8.Len())
	v.add("freed", heapOf(func() any {
		for i := range used {
			a.Take(clientNumber(i).addr)
		}
		for i := range used {
			a.Release(clientNumber(i).addr)
		}
		return a
	})/float64(used))
	ready()
	return nil
}

// heapOf returns the octets that stay on the heap for what f returns.
func heapOf(f func() any) float64 {
	heap := func() float64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return float64(stats.HeapAlloc)
	}
	before := heap()
	x := f()
	after := heap()
	runtime.KeepAlive(x)
	return after - before
}
