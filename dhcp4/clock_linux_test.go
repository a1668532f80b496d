package dhcp4

import (
	"testing"
	"time"
)

// What the kernel counts since boot goes on at least as fast as the time that
// timers go by.
func TestBootTimeGoesOn(t *testing.T) {
	before, ok := bootTime()
	if !ok {
		t.Fatal("there is no CLOCK_BOOTTIME")
	}
	start := time.Now()
	time.Sleep(time.Millisecond)
	passed := time.Since(start)
	if after, _ := bootTime(); after-before < passed {
		t.Errorf("%v by CLOCK_BOOTTIME, %v by CLOCK_MONOTONIC", after-before, passed)
	}
}

// BenchmarkClock is what a packet pays for its time.
func BenchmarkClock(b *testing.B) {
	c := newClock(newSystemClock(nil), false)
	b.ReportAllocs()
	for b.Loop() {
		c.now()
	}
}
