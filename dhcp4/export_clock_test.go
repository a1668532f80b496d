package dhcp4

import (
	"sync"
	"time"
)

// A TestClock is a machine's clocks, set at will. Its monotonic time, by which
// timers go, is that of package time.
type TestClock struct {
	started time.Time

	mu         sync.Mutex
	set, slept time.Duration
}

// NewTestClock returns clocks of which the wall clock shows now.
func NewTestClock(now time.Time) *TestClock {
	c := &TestClock{started: time.Now()}
	c.set = now.Sub(c.started.Round(0))
	return c
}

// Step sets the wall clock.
func (c *TestClock) Step(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set += by
}

// Suspend lets the machine sleep, which no timer notices.
func (c *TestClock) Suspend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set += d
	c.slept += d
}

// Wall returns what the wall clock shows.
func (c *TestClock) Wall() time.Time {
	wall, _ := c.read()
	return time.Unix(0, wall)
}

func (c *TestClock) read() (int64, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return now.UnixNano() + int64(c.set), now.Sub(c.started)
}

func (c *TestClock) boot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.started) + c.slept
}

// NewServerWithClock is NewServer on another machine's clock.
func NewServerWithClock(conf Config, c *TestClock) (*Server, error) {
	return newServer(conf, c)
}

// Now returns the Server's time.
func (s *Server) Now() time.Time { return s.now() }
