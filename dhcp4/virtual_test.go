package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"

	"github.com/google/go-cmp/cmp"
)

// A bed is a Server and a network in a bubble, where time is virtual and
// exact: a program that never waits takes no time at all.
type bed struct {
	t   *testing.T
	net *dhcp4test.Network
	srv *dhcp4.Server
}

// A large network, and a small one whose only client is reserved.
var (
	largeLink = &dhcp4.Link{
		Name: "large", Index: 1, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:ff:01"),
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/16")},
	}
	smallLink = &dhcp4.Link{
		Name: "small", Index: 2, HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:ff:02"),
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.2.0.1/24")},
	}
	smallMAC = lease.MustParseHardwareAddr("02:00:00:00:ff:03")
)

func largeConfig() dhcp4.Config {
	return dhcp4.Config{
		Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("10.1.0.0/16"), Interface: "large",
			Pools: []dhcp4.Pool{{Range: pool.MustParseRange("10.1.1.0-10.1.200.255")}},
		}, {
			ID: 2, Prefix: netip.MustParsePrefix("10.2.0.0/24"), Interface: "small",
			Reservations: []dhcp4.Reservation{{HardwareAddr: smallMAC, Addr: netip.MustParseAddr("10.2.0.9")}},
		}},
	}
}

// inBubble runs f with a Server of c that serves both links. The bubble ends
// only when every goroutine of the Server has.
func inBubble(t *testing.T, c dhcp4.Config, f func(b *bed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, c)}
		b.serve(context.Background(), largeLink)
		b.serve(context.Background(), smallLink)
		f(b)
	})
}

// serve starts to serve links. The channel gets what Serve returns.
func (b *bed) serve(ctx context.Context, links ...*dhcp4.Link) <-chan error {
	conn := b.net.Server(links...)
	ended := make(chan error, 1)
	go func() { ended <- b.srv.Serve(ctx, conn) }()
	synctest.Wait()
	return ended
}

// client returns client number i of the large link. It sends everything
// once; a test that wants more sets Attempts.
func (b *bed) client(i int) *dhcp4test.Client {
	mac := lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&0xff))
	return &dhcp4test.Client{Conn: b.net.Client("large", mac), HardwareAddr: mac, Attempts: 1}
}

// small is the client of the small link.
func (b *bed) small() *dhcp4test.Client {
	return &dhcp4test.Client{Conn: b.net.Client("small", smallMAC), HardwareAddr: smallMAC, Attempts: 1}
}

// acquire lets n new clients get a lease, all at once, and returns how long the
// last one took. Their addresses must differ.
func (b *bed) acquire(n int, set func(*dhcp4test.Client)) time.Duration {
	b.t.Helper()
	start := time.Now()
	addrs := make([]netip.Addr, n)
	var all sync.WaitGroup
	for i := range n {
		c := b.client(i)
		set(c)
		all.Go(func() {
			ack, err := c.Acquire(context.Background())
			if err != nil {
				b.t.Errorf("client %d: %v", i, err)
				return
			}
			addrs[i] = ack.YIAddr
		})
	}
	all.Wait()
	took := time.Since(start)
	of := make(map[netip.Addr]int)
	for i, a := range addrs {
		if j, ok := of[a]; ok && a.IsValid() {
			b.t.Errorf("clients %d and %d both have %v", j, i, a)
		}
		of[a] = i
	}
	return took
}

// wantCounts checks what the Server counted, all of it.
func (b *bed) wantCounts(want map[dhcp4.Reason]uint64) {
	b.t.Helper()
	got := make(map[dhcp4.Reason]uint64)
	for r := range dhcp4.Reason(255) {
		if n := b.srv.Count(r); n > 0 {
			got[r] = n
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("counted reasons (-want +got):\n%s", diff)
	}
}

func (b *bed) wantElapsed(what string, got, want time.Duration) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s took %v, want %v", what, got, want)
	}
}

// slowHosts takes a time for each call and knows nobody.
type slowHosts struct {
	takes time.Duration
	calls atomic.Int64
}

func (h *slowHosts) FindHost(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
	h.calls.Add(1)
	time.Sleep(h.takes)
	return nil, nil
}

func TestSlowHostFinderDelaysOnlyItsOwnClients(t *testing.T) {
	hosts := &slowHosts{takes: 50 * time.Millisecond}
	c := largeConfig()
	c.Hosts = hosts
	inBubble(t, c, func(b *bed) {
		var others sync.WaitGroup
		others.Go(func() {
			small := b.small()
			for range 10 { // while all wait, and in the moments when all are answered
				start := time.Now()
				if _, err := small.Acquire(context.Background()); err != nil {
					t.Error(err)
				}
				if took := time.Since(start); took > time.Millisecond {
					t.Errorf("the client of the other link took %v, more than one group window", took)
				}
				time.Sleep(time.Until(start.Add(12500 * time.Microsecond)))
			}
		})
		took := b.acquire(500, func(*dhcp4test.Client) {})
		others.Wait()
		b.wantElapsed("DORA, which is two calls,", took, 100*time.Millisecond)
		if n := hosts.calls.Load(); n != 1000 {
			t.Errorf("%d calls of the HostFinder, want 1000", n)
		}
		b.wantCounts(map[dhcp4.Reason]uint64{})
	})
}

func TestPendingLimitDropsDiscoversAndNoRequest(t *testing.T) {
	c := largeConfig()
	c.Hosts, c.MaxPending = &slowHosts{takes: 50 * time.Millisecond}, 64
	inBubble(t, c, func(b *bed) {
		var discovers, requests atomic.Int64
		took := b.acquire(500, func(c *dhcp4test.Client) {
			c.Attempts = 11
			c.Trace = func(sent bool, _ dhcp4.Packet, m *dhcp4.Message) {
				switch {
				case !sent:
				case m.Type() == dhcp4.TypeDiscover:
					discovers.Add(1)
				default:
					requests.Add(1)
				}
			}
		})
		// 48 are held at a time, so the last of 500 get theirs in the
		// eleventh attempt, after 1+2+4+8+16+32+64+64+64+64 s.
		b.wantElapsed("DORA of all", took, 319*time.Second+100*time.Millisecond)
		const dropped = 452 + 404 + 356 + 308 + 260 + 212 + 164 + 116 + 68 + 20
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonPendingFull: dropped})
		if n := discovers.Load(); n != 500+dropped {
			t.Errorf("%d DISCOVERs sent, want %d", n, 500+dropped)
		}
		if n := requests.Load(); n != 500 {
			t.Errorf("%d REQUESTs sent, want 500: one was dropped", n)
		}
	})
}

func TestPendingRequestsFindRoomBesideDiscovers(t *testing.T) {
	c := largeConfig()
	c.Hosts, c.MaxPending, c.Authoritative = &slowHosts{takes: 50 * time.Millisecond}, 64, true
	inBubble(t, c, func(b *bed) {
		var all sync.WaitGroup
		try := func(i int, wantErr error, f func(*dhcp4test.Client) error) {
			client := b.client(i)
			all.Go(func() {
				if err := f(client); !errors.Is(err, wantErr) {
					t.Errorf("client %d: %v, want %v", i, err, wantErr)
				}
			})
			synctest.Wait()
		}
		discover := func(c *dhcp4test.Client) error {
			_, err := c.Discover(context.Background())
			return err
		}
		// The server answers with a NAK: it knows no such lease.
		reboot := func(c *dhcp4test.Client) error {
			_, err := c.Reboot(context.Background(), netip.MustParseAddr("10.1.2.3"))
			return err
		}
		for i := range 48 {
			try(i, nil, discover)
		}
		try(48, dhcp4test.ErrTimeout, discover)
		for i := 49; i < 65; i++ {
			try(i, dhcp4test.ErrNAK, reboot)
		}
		try(65, dhcp4test.ErrTimeout, reboot) // the 65th that waits
		all.Wait()
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonPendingFull: 2, dhcp4.ReasonWrongAddress: 16})
	})
}

func TestSlowStoreServesBatches(t *testing.T) {
	for _, loops := range []int{1, 4} {
		t.Run(fmt.Sprintf("loops %d", loops), func(t *testing.T) {
			c := largeConfig()
			c.Leases, c.Loops = leasetest.Slow(new(lease.Memory), 20*time.Millisecond), loops
			inBubble(t, c, func(b *bed) {
				took := b.acquire(500, func(c *dhcp4test.Client) { c.Attempts = 4 })
				t.Logf("500 clients took %v", took)
				if took >= 3*time.Second {
					t.Errorf("500 clients took %v, want less than 3 s", took)
				}
			})
		})
	}
}

func TestHostFinderThatHangsCostsOnlyItsClient(t *testing.T) {
	var release chan struct{} // of the bubble
	hung := lease.MustParseHardwareAddr("02:00:00:00:00:07")
	c := largeConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		if x.Request.HardwareAddr == hung {
			<-release // and pays no attention to the context
		}
		return nil, nil
	})
	synctest.Test(t, func(t *testing.T) {
		release = make(chan struct{})
		b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, c)}
		served := b.serve(context.Background(), largeLink)
		if _, err := b.client(7).Discover(context.Background()); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("the client that nobody knows got %v", err)
		}
		if _, err := b.client(8).Acquire(context.Background()); err != nil {
			t.Errorf("another client got %v", err)
		}
		time.Sleep(time.Minute)
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("no more patience"))
		defer cancel()
		start := time.Now()
		if err := b.srv.Shutdown(ctx); err == nil || err.Error() != "no more patience" {
			t.Errorf("Shutdown returned %v", err)
		}
		b.wantElapsed("Shutdown", time.Since(start), time.Second)
		if err := <-served; err != dhcp4.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
		close(release) // the one goroutine that the Server cannot end
	})
}

func TestHostFinderThatIsTooLate(t *testing.T) {
	c := largeConfig()
	c.DecideTimeout = 300 * time.Millisecond
	tests := []struct {
		name string
		find dhcp4.HostFinderFunc
	}{
		{"it gives up with the context", func(ctx context.Context, _ *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}},
		{"it has an answer after all", func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			time.Sleep(500 * time.Millisecond)
			return nil, nil
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := c
			c.Hosts = tt.find
			inBubble(t, c, func(b *bed) {
				if _, err := b.client(1).Discover(context.Background()); !errors.Is(err, dhcp4test.ErrTimeout) {
					t.Errorf("the client got %v", err)
				}
				b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonHostTimeout: 1})
			})
		})
	}
}

func TestNewerMessageTakesOverTheRunningCall(t *testing.T) {
	hosts := &slowHosts{takes: 50 * time.Millisecond}
	c := largeConfig()
	c.Hosts = hosts
	inBubble(t, c, func(b *bed) {
		client := b.client(1)
		var newest *dhcp4.Message
		for range 3 {
			newest = client.NewMessage(dhcp4.TypeDiscover)
			if err := client.Send(newest, netip.AddrPort{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		start := time.Now()
		offer, err := client.Receive(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		b.wantElapsed("the rest of the first call", time.Since(start), 20*time.Millisecond)
		if offer.XID != newest.XID {
			t.Errorf("the offer is for the message with xid %#x, want the newest, %#x", offer.XID, newest.XID)
		}
		if _, err := client.Receive(context.Background()); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("one more answer: %v", err)
		}
		if n := hosts.calls.Load(); n != 1 {
			t.Errorf("%d calls of the HostFinder, want 1", n)
		}
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonSuperseded: 2})
	})
}

// Copies that arrive together, as from two relays, come while the goroutine
// of the first one is only starting.
func TestCopiesThatComeTogetherShareOneCall(t *testing.T) {
	hosts := &slowHosts{takes: time.Millisecond}
	c := largeConfig()
	c.Hosts = hosts
	inBubble(t, c, func(b *bed) {
		client := b.client(1)
		m := client.NewMessage(dhcp4.TypeDiscover)
		for range 50 {
			for range 8 {
				client.Send(m, netip.AddrPort{})
			}
			time.Sleep(2 * time.Millisecond)
		}
		if n := hosts.calls.Load(); n != 50 {
			t.Errorf("%d calls of the HostFinder, want 50", n)
		}
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonSuperseded: 50 * 7})
	})
}

func TestWhatHostFinderSays(t *testing.T) {
	known := netip.MustParseAddr("10.1.0.77")
	tests := []struct {
		name              string
		reservation       *dhcp4.Reservation
		err               error
		discover, request error // what the client gets
		counts            map[dhcp4.Reason]uint64
	}{
		{"an address", &dhcp4.Reservation{Addr: known}, nil, nil, nil, map[dhcp4.Reason]uint64{}},
		{"a stateless one", &dhcp4.Reservation{Addr: known, Stateless: true}, nil, nil, nil, map[dhcp4.Reason]uint64{}},
		{"ErrIgnore", nil, fmt.Errorf("wrapped: %w", dhcp4.ErrIgnore), dhcp4test.ErrTimeout, dhcp4test.ErrTimeout,
			map[dhcp4.Reason]uint64{dhcp4.ReasonIgnored: 2}},
		{"ErrNak", nil, fmt.Errorf("wrapped: %w", dhcp4.ErrNak), dhcp4test.ErrTimeout, dhcp4test.ErrNAK,
			map[dhcp4.Reason]uint64{dhcp4.ReasonRefused: 2}},
		{"an error", nil, errors.New("no connection"), dhcp4test.ErrTimeout, dhcp4test.ErrTimeout,
			map[dhcp4.Reason]uint64{dhcp4.ReasonHostFailed: 2}},
		{"an impossible address", &dhcp4.Reservation{Addr: netip.MustParseAddr("fe80::1")}, nil, dhcp4test.ErrTimeout, dhcp4test.ErrTimeout,
			map[dhcp4.Reason]uint64{dhcp4.ReasonHostFailed: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := largeConfig()
			c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
				return tt.reservation, tt.err
			})
			inBubble(t, c, func(b *bed) {
				client := b.client(1)
				offer, err := client.Discover(context.Background())
				if !errors.Is(err, tt.discover) {
					t.Errorf("DISCOVER: %v, want %v", err, tt.discover)
				}
				if offer != nil && offer.YIAddr != known {
					t.Errorf("offered %v, want %v", offer.YIAddr, known)
				}
				m := &dhcp4.Message{YIAddr: known, Options: option.Options{option.DHCPServerIdentifier.New(largeLink.Addrs[0].Addr())}}
				if _, err := client.Request(context.Background(), m); !errors.Is(err, tt.request) {
					t.Errorf("REQUEST: %v, want %v", err, tt.request)
				}
				b.wantCounts(tt.counts)
			})
		})
	}
}

func TestHostFinderThatPanicsCostsOneMessage(t *testing.T) {
	var calls int
	c := largeConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		if calls++; calls == 1 {
			panic("planted")
		}
		return nil, nil
	})
	inBubble(t, c, func(b *bed) {
		client := b.client(1)
		client.Attempts = 2
		start := time.Now()
		if _, err := client.Acquire(context.Background()); err != nil {
			t.Error(err)
		}
		b.wantElapsed("one attempt in vain", time.Since(start), time.Second)
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonHostFailed: 1})
	})
}

func TestReuseSavesTheCallForTheRequest(t *testing.T) {
	var calls int
	c := largeConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		calls++
		time.Sleep(50 * time.Millisecond)
		return &dhcp4.Reservation{Addr: netip.MustParseAddr("10.1.0.77"), Reuse: 10 * time.Second}, nil
	})
	inBubble(t, c, func(b *bed) {
		client := b.client(1)
		start := time.Now()
		if _, err := client.Acquire(context.Background()); err != nil {
			t.Fatal(err)
		}
		b.wantElapsed("DORA with one call", time.Since(start), 50*time.Millisecond)
		for _, at := range []struct {
			after time.Duration
			calls int
		}{{10 * time.Second, 1}, {11 * time.Second, 2}} {
			time.Sleep(time.Until(start.Add(50*time.Millisecond + at.after)))
			if _, err := client.Renew(context.Background()); err != nil {
				t.Fatal(err)
			}
			if calls != at.calls {
				t.Errorf("%v after the answer: %d calls, want %d", at.after, calls, at.calls)
			}
		}
	})
}

// The group window is slept when packets come fast, but what comes at one
// virtual instant says nothing about a rate.
func TestGroupWindow(t *testing.T) {
	t.Run("not slept at one instant", func(t *testing.T) {
		inBubble(t, largeConfig(), func(b *bed) {
			b.wantElapsed("DORA of 500 clients", b.acquire(500, func(*dhcp4test.Client) {}), 0)
		})
	})
	for _, tt := range []struct {
		name   string
		window time.Duration
		every  time.Duration // a packet comes
		reads  bool          // whether reads get fewer than packets
	}{
		{"slept under load", 0, 100 * time.Microsecond, true},
		{"not slept without load", 0, 400 * time.Microsecond, false},
		{"never slept if negative", -1, 100 * time.Microsecond, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := largeConfig()
			c.GroupWindow = tt.window
			inBubble(t, c, func(b *bed) {
				const packets = 500
				client := b.client(1)
				instants := make(map[time.Time]bool)
				received := make(chan struct{})
				go func() {
					defer close(received)
					for range packets {
						if _, err := client.Receive(context.Background()); err != nil {
							t.Error(err)
							return
						}
						instants[time.Now()] = true
					}
				}()
				sender := b.client(2)
				m := client.NewMessage(dhcp4.TypeDiscover)
				for range packets {
					if err := sender.Send(m, netip.AddrPort{}); err != nil {
						t.Fatal(err)
					}
					time.Sleep(tt.every)
				}
				<-received
				if grouped := len(instants) < packets/4; grouped != tt.reads {
					t.Errorf("%d packets were answered at %d instants", packets, len(instants))
				}
			})
		})
	}
}
