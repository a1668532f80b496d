package dhcp4_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// reached collects which Reasons the Servers of the tests counted.
var reached struct {
	sync.Mutex
	counts [64]uint64
}

func noteReasons(s *dhcp4.Server) {
	counts := reasonCounts(s)
	reached.Lock()
	defer reached.Unlock()
	for r, n := range counts {
		reached.counts[r] += n
	}
}

// TestMain fails a whole run in which no test made a Server count one of the
// Reasons: a Reason that nothing leads to tells operators nothing.
func TestMain(m *testing.M) {
	code := m.Run()
	all := true
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		all = all && flag.Lookup(name).Value.String() == ""
	}
	if code == 0 && all && !testing.Short() {
		for _, r := range knownReasons() {
			if reached.counts[r] == 0 {
				fmt.Printf("--- FAIL: no test reaches the Reason %d, %q\n", r, r.Error())
				code = 1
			}
		}
	}
	os.Exit(code)
}

// knownReasons returns every Reason that has a text.
func knownReasons() (all []dhcp4.Reason) {
	for r := dhcp4.Reason(1); r < 64; r++ {
		if text := r.Error(); text != "" && text != "unknown reason" {
			all = append(all, r)
		}
	}
	return all
}

func TestEveryReasonHasATextOfItsOwn(t *testing.T) {
	texts := make(map[string]dhcp4.Reason)
	for _, r := range knownReasons() {
		if before, ok := texts[r.Error()]; ok {
			t.Errorf("%d and %d both say %q", before, r, r.Error())
		}
		texts[r.Error()] = r
	}
	if len(texts) < 30 {
		t.Errorf("only %d Reasons", len(texts))
	}
}

// longConn brings one datagram that fills its buffer, and no more.
type longConn struct {
	once, end sync.Once
	over      chan struct{}
}

func (c *longConn) ReadBatch(ps []dhcp4.Packet) (n int, err error) {
	c.once.Do(func() {
		ps[0].Data = ps[0].Data[:cap(ps[0].Data)]
		n = 1
	})
	if n == 0 {
		<-c.over
		return 0, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (c *longConn) WriteBatch(ps []dhcp4.Packet) (int, error) { return len(ps), nil }

func (c *longConn) SetReadDeadline(time.Time) error {
	c.end.Do(func() { close(c.over) })
	return nil
}

func (c *longConn) Close() error { return nil }

func TestDatagramThatIsTooLongIsDropped(t *testing.T) {
	s := newServer(t, labConfig())
	served := make(chan error, 1)
	go func() { served <- s.Serve(t.Context(), &longConn{over: make(chan struct{})}) }()
	for deadline := time.Now().Add(time.Minute); s.Count(dhcp4.ReasonTooLong) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not counted")
		}
	}
	s.Close()
	if err := <-served; err != dhcp4.ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
}

func TestReplyThatCannotHoldWhatItMustIsDropped(t *testing.T) {
	c := labConfig()
	routers := make([]netip.Addr, 150)
	for i := range routers {
		routers[i] = netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
	}
	c.Options = option.Options{option.Routers.New(routers...)}
	l := newLab(t, c)
	l.expect("150 routers", request{from: client1, typ: dhcp4.TypeDiscover}, silence(dhcp4.ReasonEncode))
	l.expect("150 routers, and room for them", request{from: client1, typ: dhcp4.TypeDiscover,
		options: option.Options{option.DHCPMaxMessageSize.New(1500)}}, offerOf(".100"))
}
