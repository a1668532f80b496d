package dhcp4_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
)

// discovers starts a DISCOVER of client i and returns how to get what came of
// it.
func (b *bed) discovers(i int) func() error {
	c := b.client(i)
	got := make(chan error, 1)
	go func() {
		_, err := c.Discover(context.Background())
		got <- err
	}()
	synctest.Wait()
	return func() error { return <-got }
}

func TestShutdownWaitsForParkedExchanges(t *testing.T) {
	c := largeConfig()
	c.Hosts = &slowHosts{takes: 50 * time.Millisecond}
	inBubble(t, c, func(b *bed) {
		first := b.discovers(1)
		time.Sleep(10 * time.Millisecond)
		start := time.Now()
		late := make(chan func() error, 1)
		time.AfterFunc(5*time.Millisecond, func() { late <- b.discovers(2) })
		if err := b.srv.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		b.wantElapsed("Shutdown", time.Since(start), 40*time.Millisecond)
		if err := first(); err != nil {
			t.Errorf("the client that waited got %v", err)
		}
		if err := (<-late)(); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("a client that came later got %v", err)
		}
	})
}

func TestShutdownWaitsForRunningBatches(t *testing.T) {
	c := largeConfig()
	c.Leases = leasetest.Slow(new(lease.Memory), 20*time.Millisecond)
	inBubble(t, c, func(b *bed) {
		client := b.client(1)
		offer, err := client.Discover(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() {
			_, err := client.Request(context.Background(), offer)
			got <- err
		}()
		time.Sleep(10 * time.Millisecond)
		start := time.Now()
		if err := b.srv.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown returned %v", err)
		}
		b.wantElapsed("the rest of Find, Update and Sync", time.Since(start), 50*time.Millisecond)
		if err := <-got; err != nil {
			t.Errorf("the client got %v", err)
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	tests := []struct {
		name   string
		config func(c *dhcp4.Config)
		want   map[dhcp4.Reason]uint64
	}{
		{"for the HostFinder", func(c *dhcp4.Config) {
			c.Hosts = dhcp4.HostFinderFunc(func(ctx context.Context, _ *dhcp4.Exchange) (*dhcp4.Reservation, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		}, map[dhcp4.Reason]uint64{dhcp4.ReasonClosed: 1}},
		{"for a HostFinder without regard for its context", func(c *dhcp4.Config) {
			c.Hosts = &slowHosts{takes: 100 * time.Millisecond}
		}, map[dhcp4.Reason]uint64{dhcp4.ReasonClosed: 1}},
		{"for the store", func(c *dhcp4.Config) {
			c.Leases = leasetest.Slow(new(lease.Memory), time.Hour)
		}, map[dhcp4.Reason]uint64{dhcp4.ReasonStoreFailed: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := largeConfig()
			tt.config(&c)
			inBubble(t, c, func(b *bed) {
				got := b.discovers(1)
				time.Sleep(10 * time.Millisecond)
				start := time.Now()
				if err := b.srv.Close(); err != nil {
					t.Errorf("Close returned %v", err)
				}
				b.wantElapsed("Close", time.Since(start), 0)
				if err := got(); !errors.Is(err, dhcp4test.ErrTimeout) {
					t.Errorf("the client got %v", err)
				}
				b.wantCounts(tt.want)
			})
		})
	}
}

func TestShutdownAndCloseTwice(t *testing.T) {
	type end struct {
		name string
		f    func(*dhcp4.Server) error
	}
	ends := []end{
		{"Shutdown", func(s *dhcp4.Server) error { return s.Shutdown(context.Background()) }},
		{"Close", (*dhcp4.Server).Close},
	}
	for _, first := range ends {
		for _, second := range ends {
			t.Run(first.name+" "+second.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, largeConfig())}
					large, small := b.serve(t.Context(), largeLink), b.serve(t.Context(), smallLink)
					for _, e := range []end{first, second} {
						if err := e.f(b.srv); err != nil {
							t.Errorf("%s returned %v", e.name, err)
						}
					}
					for _, served := range []<-chan error{large, small} {
						if err := <-served; err != dhcp4.ErrServerClosed {
							t.Errorf("Serve returned %v", err)
						}
					}
					if err := <-b.serve(t.Context(), largeLink); err != dhcp4.ErrServerClosed {
						t.Errorf("Serve after the end returned %v", err)
					}
					if _, err := b.srv.Respond(t.Context(), dhcp4.Packet{}, nil); err != dhcp4.ErrServerClosed {
						t.Errorf("Respond after the end returned %v", err)
					}
				})
			})
		}
	}
}

func TestShutdownAndCloseAtOnce(t *testing.T) {
	c := largeConfig()
	c.Hosts = &slowHosts{takes: 50 * time.Millisecond}
	inBubble(t, c, func(b *bed) {
		got := b.discovers(1)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { b.srv.Shutdown(context.Background()) })
			all.Go(func() { b.srv.Close() })
		}
		all.Wait()
		got()
	})
}

func TestContextEndsItsServeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := largeConfig()
		c.Hosts = &slowHosts{takes: 50 * time.Millisecond}
		b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, c)}
		ctx, cancel := context.WithCancelCause(context.Background())
		large, small := b.serve(ctx, largeLink), b.serve(context.Background(), smallLink)
		got := b.discovers(1)
		cause := errors.New("the link is gone")
		start := time.Now()
		cancel(cause)
		if err := <-large; err != cause {
			t.Errorf("Serve returned %v, want the cause", err)
		}
		b.wantElapsed("the end of Serve", time.Since(start), 0)
		if err := got(); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("the client that waited got %v", err)
		}
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonClosed: 1})
		if _, err := b.small().Acquire(context.Background()); err != nil {
			t.Errorf("the client of the other link got %v", err)
		}
		again := b.serve(context.Background(), largeLink)
		if _, err := b.client(1).Acquire(context.Background()); err != nil {
			t.Errorf("a client of the link that is back got %v", err)
		}
		b.srv.Close()
		for _, served := range []<-chan error{again, small} {
			if err := <-served; err != dhcp4.ErrServerClosed {
				t.Errorf("Serve returned %v", err)
			}
		}
	})
}

func TestServeWithEndedContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, largeConfig())}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := <-b.serve(ctx, largeLink); err != context.Canceled {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestServeEndsWhenItsConnIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := newServer(t, largeConfig())
		conn := dhcp4test.NewNetwork(nil).Server(largeLink)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(context.Background(), conn) }()
		synctest.Wait()
		conn.Close()
		if err := <-served; err == nil || errors.Is(err, dhcp4.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestIdleServerHasNoGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, testConfig())
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		s.Events(ctx)
		dora(t, s, testMAC)
		synctest.Wait()
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for g := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(g, "embedhcp/dhcp4.") {
				t.Errorf("a goroutine of the Server:\n%s", g)
			}
		}
	})
}

// dora gets a lease for the client and returns its address.
func dora(t testing.TB, s *dhcp4.Server, mac lease.HardwareAddr) netip.Addr {
	t.Helper()
	offer, _, err := respond(t, s, from(mac, message(dhcp4.TypeDiscover)))
	if offer == nil {
		t.Fatalf("DISCOVER of %v: %v", mac, err)
	}
	ack, _, err := respond(t, s, from(mac, selecting(offer.YIAddr)))
	if ack == nil || ack.Type() != dhcp4.TypeACK {
		t.Fatalf("REQUEST of %v for %v: %v, %v", mac, offer.YIAddr, ack, err)
	}
	return ack.YIAddr
}

// A flakyConn fails as often as it is told to.
type flakyConn struct {
	dhcp4.Conn
	badReads  int
	badWrites map[netip.Addr]bool // to clients that are offered these
}

func (c *flakyConn) ReadBatch(ps []dhcp4.Packet) (int, error) {
	if c.badReads > 0 {
		c.badReads--
		return 0, errors.New("planted")
	}
	return c.Conn.ReadBatch(ps)
}

func (c *flakyConn) WriteBatch(ps []dhcp4.Packet) (int, error) {
	for i := range ps {
		var m dhcp4.Message
		if m.Unmarshal(ps[i].Data) == nil && c.badWrites[m.YIAddr] {
			return i, errors.New("planted")
		}
		if _, err := c.Conn.WriteBatch(ps[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(ps), nil
}

func TestServeTriesToReadAgain(t *testing.T) {
	// The pauses are 10 ms, 20 ms and so on.
	const nine, three = 5110 * time.Millisecond, 70 * time.Millisecond
	for _, tt := range []struct {
		name     string
		badReads int
		after    time.Duration // 0: never
		end      func(*dhcp4.Server, context.CancelFunc)
		took     time.Duration
	}{
		{"ten times in vain", 10, 0, nil, nine},
		{"nine times and then it works", 9, 6 * time.Second, func(s *dhcp4.Server, _ context.CancelFunc) { s.Close() }, 6 * time.Second},
		{"Close while it pauses", 9, three + time.Millisecond, func(s *dhcp4.Server, _ context.CancelFunc) { s.Close() }, three + time.Millisecond},
		{"its context ends while it pauses", 9, three + time.Millisecond, func(_ *dhcp4.Server, cancel context.CancelFunc) { cancel() }, three + time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer(t, largeConfig())
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.after > 0 {
					time.AfterFunc(tt.after, func() { tt.end(s, cancel) })
				}
				start := time.Now()
				err := s.Serve(ctx, &flakyConn{Conn: dhcp4test.NewNetwork(nil).Server(largeLink), badReads: tt.badReads})
				if err == nil || tt.after > 0 && err != dhcp4.ErrServerClosed && err != context.Canceled {
					t.Errorf("Serve returned %v", err)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("Serve took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestWhatCannotBeSentIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := make(map[lease.HardwareAddr]netip.Addr)
		bad := make(map[netip.Addr]bool)
		c := largeConfig()
		// The answers come at the same instant, and so in one or two batches.
		c.Hosts = dhcp4.HostFinderFunc(func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			time.Sleep(time.Millisecond)
			return &dhcp4.Reservation{Addr: hosts[x.Request.HardwareAddr]}, nil
		})
		b := &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, c)}
		conn := &flakyConn{Conn: b.net.Server(largeLink), badWrites: bad}
		clients := make([]*dhcp4test.Client, 40)
		for i := range clients {
			clients[i] = b.client(i)
			a := netip.AddrFrom4([4]byte{10, 1, 0, byte(10 + i)})
			hosts[clients[i].HardwareAddr] = a
			bad[a] = i%3 == 0
		}
		go b.srv.Serve(t.Context(), conn)
		var all sync.WaitGroup
		for i, client := range clients {
			all.Go(func() {
				if _, err := client.Discover(context.Background()); (err != nil) != (i%3 == 0) {
					t.Errorf("client %d got %v", i, err)
				}
			})
		}
		all.Wait()
		b.wantCounts(map[dhcp4.Reason]uint64{dhcp4.ReasonWrite: 14})
	})
}

func TestHostFinderMayClose(t *testing.T) {
	var b *bed
	c := largeConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		b.srv.Close()
		return nil, nil
	})
	synctest.Test(t, func(t *testing.T) {
		b = &bed{t: t, net: dhcp4test.NewNetwork(nil), srv: newServer(t, c)}
		served := b.serve(t.Context(), largeLink)
		if _, err := b.client(1).Discover(t.Context()); !errors.Is(err, dhcp4test.ErrTimeout) {
			t.Errorf("the client got %v", err)
		}
		if err := <-served; err != dhcp4.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
}

// A brokenStore cannot tell all of its leases.
type brokenStore struct {
	lease.Memory
	calls atomic.Int64
}

func (s *brokenStore) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	s.calls.Add(1)
	return func(yield func(lease.Lease, error) bool) {
		for l, err := range s.Memory.Leases(ctx, f) {
			if !yield(l, err) {
				return
			}
		}
		yield(lease.Lease{}, errors.New("planted"))
	}
}

func TestFailedNewServerLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(brokenStore)
		l := storedLease(testMAC, "192.168.1.100", 0)
		if err := store.Put(l); err != nil {
			t.Fatal(err)
		}
		c := testConfig()
		c.Leases = store
		if _, err := dhcp4.NewServer(c); err == nil {
			t.Fatal("NewServer did without the leases")
		}
		time.Sleep(l.Lifetime + time.Hour)
		synctest.Wait()
		if n := store.calls.Load(); n != 1 {
			t.Errorf("%d calls of Leases, want 1: there is no Server that may call again", n)
		}
	})
}
