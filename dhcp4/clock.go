package dhcp4

import (
	"sync"
	"sync/atomic"
	"time"
)

// The Server's clock shows the wall clock of the moment when it was made plus
// the time since, sleep of the machine included, so that neither a step of the
// wall clock nor a suspend lets a lease end early or live on.
//
// The lease store holds wall time, which is all that is left after a restart.
// So three things are done about a wall clock that is wrong.
//
//   - When it is set while the Server runs, by more than clockTolerance, all
//     leases in the store are rewritten, shifted by the step, and the Server's
//     clock follows: after them, or, if it goes back, before (see step).
//   - NewServer cuts what expires later than any lease that is given now would:
//     the clock was ahead when it was stored, or is behind now (see cut).
//   - A suspend looks like a step to the wall and monotonic clocks;
//     CLOCK_BOOTTIME tells them apart. Where there is no such clock, a suspend
//     counts as a step, so that leases last longer by the time of sleep.
//
// A machine without a clock of its own that boots at 1970, with leases from
// 2026: they look as if they had 56 years to go, and are cut to one lifetime
// from now, which none of their clients can outlast. When NTP sets the clock
// to 2026, all leases, those given meanwhile too, move with it, and each ends
// when it would have ended. A lease that ended while the machine was off
// costs its address one lifetime more.
//
// What nobody can tell is a step while no Server runs on the store, and what a
// crash in the middle of a shift has left behind: after a step forward the
// leases not yet shifted are taken to have expired.
type clock struct {
	source clockSource
	fixed  bool // the wall clock is not followed

	// What source showed in the beginning.
	wall       int64
	mono, boot time.Duration

	line    atomic.Pointer[timeline]
	changed atomic.Bool // line has, and the expiry has not yet been told

	mu      sync.Mutex
	slept   time.Duration // since the beginning
	shifted time.Duration // the steps of the wall that have been followed
}

// A clockSource is what a clock is read from.
type clockSource interface {
	// read returns the wall clock, in nanoseconds since 1970, and the
	// monotonic clock, which timers go by and which stands still while the
	// machine sleeps.
	read() (wall int64, mono time.Duration)
	// boot returns a monotonic clock that goes on while the machine sleeps.
	boot() time.Duration
}

// A timeline gives the Server's time to every monotonic time.
type timeline struct {
	zero  time.Time     // when monotonic time was zero
	drift time.Duration // of the wall against monotonic time, as it is known
}

const (
	// clockTolerance is the step of the wall that leases do not follow.
	clockTolerance = 10 * time.Second
	// clockJitter is what may lie between the readings of two clocks.
	clockJitter = 100 * time.Millisecond
)

// systemClock is the clockSource of the machine, ahead of it by a constant.
type systemClock struct {
	started time.Time
	ahead   time.Duration
}

func (c systemClock) read() (int64, time.Duration) {
	now := time.Now()
	return now.UnixNano() + int64(c.ahead), now.Sub(c.started)
}

func (c systemClock) boot() time.Duration {
	if d, ok := bootTime(); ok {
		return d
	}
	return time.Since(c.started)
}

// newSystemClock returns a source whose wall clock shows now at this moment.
func newSystemClock(now func() time.Time) systemClock {
	c := systemClock{started: time.Now()}
	if now != nil {
		c.ahead = now().Round(0).Sub(c.started.Round(0))
	}
	return c
}

func newClock(source clockSource, fixed bool) *clock {
	c := &clock{source: source, fixed: fixed, boot: source.boot()}
	c.wall, c.mono = source.read()
	c.line.Store(&timeline{zero: time.Unix(0, c.wall).Add(-c.mono)})
	return c
}

// now returns the Server's time. It costs one look at the system's clock,
// and that is enough to notice a step or a suspend: wall and monotonic time
// drift apart in no other way.
func (c *clock) now() (time.Time, *timeline) {
	wall, mono := c.source.read()
	line := c.line.Load()
	if d := c.drift(wall, mono) - line.drift; d > clockJitter || d < -clockJitter {
		line = c.look()
	}
	return line.zero.Add(mono), line
}

func (c *clock) drift(wall int64, mono time.Duration) time.Duration {
	return time.Duration(wall-c.wall) - (mono - c.mono)
}

// look finds out for how long the machine has slept.
func (c *clock) look() *timeline {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.source.read()
	slept := (c.source.boot() - c.boot) - (mono - c.mono)
	if slept-c.slept > clockJitter {
		c.slept = slept
	}
	return c.draw(c.drift(wall, mono))
}

// draw makes a new timeline. The caller holds mu.
func (c *clock) draw(drift time.Duration) *timeline {
	line := &timeline{zero: time.Unix(0, c.wall).Add(c.slept + c.shifted - c.mono), drift: drift}
	c.line.Store(line)
	c.changed.Store(true)
	return line
}

// ahead returns by how much leases have to be shifted to follow the wall
// clock, in whole seconds; zero if they have not.
func (c *clock) ahead() time.Duration {
	now, _ := c.now()
	wall, _ := c.source.read()
	d := time.Unix(0, wall).Sub(now).Round(time.Second)
	if c.fixed || d >= -clockTolerance && d <= clockTolerance {
		return 0
	}
	return d
}

// shift moves the Server's time.
func (c *clock) shift(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shifted += by
	c.draw(c.line.Load().drift)
}

// A gate lets batches through, but for the moment when the clock is shifted:
// no batch sees two times.
type gate struct {
	inside  atomic.Int64
	shut    atomic.Bool
	mu      sync.Mutex
	changed sync.Cond
}

func (g *gate) enter() {
	for {
		g.inside.Add(1)
		if !g.shut.Load() {
			return
		}
		g.leave()
		g.mu.Lock()
		for g.shut.Load() {
			g.changed.Wait()
		}
		g.mu.Unlock()
	}
}

func (g *gate) leave() {
	if g.inside.Add(-1) == 0 && g.shut.Load() {
		g.mu.Lock()
		g.changed.Broadcast()
		g.mu.Unlock()
	}
}

// closed runs f when all have left, and lets nobody in meanwhile.
func (g *gate) closed(f func()) {
	g.mu.Lock()
	g.shut.Store(true)
	for g.inside.Load() > 0 {
		g.changed.Wait()
	}
	g.mu.Unlock()
	f()
	g.mu.Lock()
	g.shut.Store(false)
	g.changed.Broadcast()
	g.mu.Unlock()
}
