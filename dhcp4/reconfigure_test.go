package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// selects returns a REQUEST in SELECTING for a.
func selects(a netip.Addr) *dhcp4.Message {
	return message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(serverID), option.DHCPRequestedAddress.New(a))
}

func reconfigure(t *testing.T, s *dhcp4.Server, c dhcp4.Config) {
	t.Helper()
	if err := s.Reconfigure(c); err != nil {
		t.Fatal(err)
	}
}

func wantType(t *testing.T, s *dhcp4.Server, m *dhcp4.Message, want dhcp4.MessageType) *dhcp4.Message {
	t.Helper()
	r, _, err := respond(t, s, m)
	if r == nil {
		t.Fatalf("%v: no reply: %v", m, err)
	}
	if r.Type() != want {
		t.Fatalf("%v: got %v, want %v", m, r.Type(), want)
	}
	return r
}

func TestReconfigureChangesTheNextReply(t *testing.T) {
	s := newServer(t, testConfig())
	c := testConfig()
	c.Subnets[0].Options = option.Options{option.DomainName.New("new.example")}
	reconfigure(t, s, c)
	offer := wantType(t, s, message(dhcp4.TypeDiscover), dhcp4.TypeOffer)
	if name, _, err := option.DomainName.Get(offer.Options); name != "new.example" || err != nil {
		t.Errorf("domain-name is %q, %v", name, err)
	}
}

func TestReconfigureWithMistakesChangesNothing(t *testing.T) {
	s := newServer(t, testConfig())
	c := testConfig()
	c.Subnets[0].ID = 0
	c.Subnets[0].Lifetime = -1
	var mistakes *dhcp4.ConfigError
	if err := s.Reconfigure(c); !errors.As(err, &mistakes) || len(mistakes.Problems) != 2 {
		t.Errorf("got %v, want two mistakes", err)
	}
	wantType(t, s, message(dhcp4.TypeDiscover), dhcp4.TypeOffer)
}

func TestReconfigureThatCannotReadTheStoreChangesNothing(t *testing.T) {
	store := new(unreadableStore)
	c := testConfig()
	c.Leases = store
	s := newServer(t, c)
	store.broken.Store(true)
	c.Subnets[0].Interface = "elsewhere"
	c.Subnets[0].Prefix = netip.MustParsePrefix("192.168.0.0/16")
	if err := s.Reconfigure(c); !errors.Is(err, errUnreadable) {
		t.Errorf("got %v", err)
	}
	wantType(t, s, message(dhcp4.TypeDiscover), dhcp4.TypeOffer)
}

var errUnreadable = errors.New("planted: unreadable")

type unreadableStore struct {
	lease.Memory
	broken atomic.Bool
}

func (s *unreadableStore) Leases(ctx context.Context, f lease.Filter) iter.Seq2[lease.Lease, error] {
	if s.broken.Load() {
		return func(yield func(lease.Lease, error) bool) { yield(lease.Lease{}, errUnreadable) }
	}
	return s.Memory.Leases(ctx, f)
}

func TestReconfigureKeepsLeasesAndOffers(t *testing.T) {
	s := newServer(t, testConfig())
	leased := netip.MustParseAddr("192.168.1.150")
	wantType(t, s, selects(leased), dhcp4.TypeACK)
	other := message(dhcp4.TypeDiscover)
	other.HardwareAddr = otherMAC
	offered := wantType(t, s, other, dhcp4.TypeOffer).YIAddr
	free, total := s.PoolCounts(1)

	reconfigure(t, s, testConfig())

	if f, n := s.PoolCounts(1); f != free || n != total {
		t.Errorf("%d of %d free, want %d of %d", f, n, free, total)
	}
	if a := wantType(t, s, other, dhcp4.TypeOffer).YIAddr; a != offered {
		t.Errorf("%v is offered now, was %v", a, offered)
	}
	third := message(dhcp4.TypeDiscover, option.DHCPRequestedAddress.New(leased))
	third.HardwareAddr = lease.MustParseHardwareAddr("00:0c:29:11:22:55")
	if a := wantType(t, s, third, dhcp4.TypeOffer).YIAddr; a == leased || a == offered {
		t.Errorf("%v is offered to a third client", a)
	}
}

func TestReconfigureThatTakesAPoolAwayMovesItsClients(t *testing.T) {
	s := newServer(t, testConfig())
	wantType(t, s, selects(netip.MustParseAddr("192.168.1.150")), dhcp4.TypeACK)
	other := message(dhcp4.TypeDiscover, option.DHCPRequestedAddress.New(netip.MustParseAddr("192.168.1.151")))
	other.HardwareAddr = otherMAC
	wantType(t, s, other, dhcp4.TypeOffer)

	c := testConfig()
	c.Subnets[0].Pools = []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.10-192.168.1.19")}}
	reconfigure(t, s, c)

	renew := message(dhcp4.TypeRequest)
	renew.CIAddr = netip.MustParseAddr("192.168.1.150")
	wantType(t, s, renew, dhcp4.TypeNAK)
	for _, m := range []*dhcp4.Message{message(dhcp4.TypeDiscover), other} {
		if a := wantType(t, s, m, dhcp4.TypeOffer).YIAddr; !c.Subnets[0].Pools[0].Range.Contains(a) {
			t.Errorf("%v is offered, outside the new pool", a)
		}
	}
}

func TestReconfigureReservesAnAddress(t *testing.T) {
	s := newServer(t, testConfig())
	wantType(t, s, selects(netip.MustParseAddr("192.168.1.150")), dhcp4.TypeACK)
	c := testConfig()
	c.Subnets[0].Reservations = append(c.Subnets[0].Reservations,
		dhcp4.Reservation{HardwareAddr: testMAC, Addr: netip.MustParseAddr("192.168.1.100")})
	reconfigure(t, s, c)
	renew := message(dhcp4.TypeRequest)
	renew.CIAddr = netip.MustParseAddr("192.168.1.150")
	wantType(t, s, renew, dhcp4.TypeNAK)
	if a := wantType(t, s, message(dhcp4.TypeDiscover), dhcp4.TypeOffer).YIAddr; a != c.Subnets[0].Reservations[2].Addr {
		t.Errorf("%v is offered, not the reserved address", a)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Reconfigure(c); !errors.Is(err, dhcp4.ErrServerClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestReconfigureUnderLoad: every packet is answered by one configuration or
// the other, and nobody loses a lease.
func TestReconfigureUnderLoad(t *testing.T) {
	n := dhcp4test.NewNetwork(nil)
	defer n.Close()
	s := newServer(t, testConfig())
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background(), n.Server(testLink)) }()

	var stop atomic.Bool
	var clients sync.WaitGroup
	for i := range 20 {
		clients.Go(func() {
			mac := lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", i))
			c := &dhcp4test.Client{Conn: n.Client(testLink.Name, mac), HardwareAddr: mac}
			ack, err := c.Acquire(context.Background())
			if err != nil {
				t.Errorf("client %d: %v", i, err)
				return
			}
			for !stop.Load() {
				again, err := c.Renew(context.Background())
				if err != nil || again.YIAddr != ack.YIAddr {
					t.Errorf("client %d: renewal of %v: %v, %v", i, ack.YIAddr, again, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		c := testConfig()
		c.Subnets[0].Options = option.Options{option.DomainName.New(fmt.Sprintf("n%d.example", i))}
		if i%10 == 9 {
			c.Subnets[0].ID = 0
		}
		if err := s.Reconfigure(c); (err != nil) != (i%10 == 9) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	stop.Store(true)
	clients.Wait()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, dhcp4.ErrServerClosed) {
		t.Error(err)
	}
}
