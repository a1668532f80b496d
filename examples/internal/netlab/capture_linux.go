package netlab

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// A Capture notes the DHCP messages that pass an interface.
type Capture struct {
	t     *testing.T
	name  string
	conn  *packet.Conn
	begin time.Time

	mu    sync.Mutex
	lines []string
	trace strings.Builder
}

// Capture begins to note the messages of an interface. They are logged if the
// test fails.
func (h *Host) Capture(ifi string) *Capture {
	h.t.Helper()
	c := &Capture{t: h.t, name: h.Namespace + " " + ifi, begin: time.Now()}
	err := h.Within(func() error {
		i, err := net.InterfaceByName(ifi)
		if err == nil {
			c.conn, err = packet.Listen(i, packet.Raw, unix.ETH_P_ALL, nil)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	stopped := make(chan struct{})
	h.t.Cleanup(func() {
		c.conn.Close()
		<-stopped
		if h.t.Failed() {
			h.t.Logf("the messages on %s:\n%s", c.name, c.trace.String())
		}
	})
	go func() {
		defer close(stopped)
		frame := make([]byte, 4096)
		for {
			n, _, err := c.conn.ReadFrom(frame)
			if err != nil {
				return
			}
			c.note(frame[:n])
		}
	}()
	return c
}

func (c *Capture) note(frame []byte) {
	p, ok := dhcp4.ParseFrame(frame)
	if !ok || p.Local.Port() != 67 && p.Local.Port() != 68 {
		return
	}
	var m dhcp4.Message
	line := ""
	if err := m.Unmarshal(p.Data); err != nil {
		line = err.Error()
	} else {
		line = describe(&m, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = append(c.lines, line)
	fmt.Fprintf(&c.trace, "%7.3f %v > %v xid %08x ciaddr %v giaddr %v flags %04x: %s\n", time.Since(c.begin).Seconds(),
		p.Peer, p.Local, m.XID, m.CIAddr, m.GIAddr, m.Flags, line)
}

// describe says in one line what of a message matters to the scenes. Where the
// replies that have a yiaddr go depends on the client.
func describe(m *dhcp4.Message, p dhcp4.Packet) string {
	s := m.Type().String()
	if m.Op == dhcp4.OpReply && !m.YIAddr.IsUnspecified() {
		return s + " of " + m.YIAddr.String()
	}
	if m.Op == dhcp4.OpRequest && !m.CIAddr.IsUnspecified() {
		s += " by " + m.CIAddr.String()
	}
	if asked, ok, _ := option.DHCPRequestedAddress.Get(m.Options); ok && m.Type() != dhcp4.TypeDiscover {
		s += " for " + asked.String()
	}
	return s + " to " + p.Local.Addr().String()
}

// Mark returns a mark behind the messages so far.
func (c *Capture) Mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.lines)
}

// Since returns the messages behind a mark, repetitions left out.
func (c *Capture) Since(mark int) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Compact(slices.Clone(c.lines[mark:]))
}

// MustSee waits until the messages have passed in this order behind the mark,
// whatever else there was in between.
func (c *Capture) MustSee(mark int, want ...string) {
	c.t.Helper()
	Await(c.t, fmt.Sprintf("the messages %q", want), func() bool {
		left := want
		for _, line := range c.Since(mark) {
			if len(left) > 0 && line == left[0] {
				left = left[1:]
			}
		}
		return len(left) == 0
	})
}
