package dhcp4_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/lease/leasetest"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A wire is a Server and how its packets come in.
type wire struct {
	t     testing.TB
	srv   *dhcp4.Server
	link  *dhcp4.Link
	peer  string
	local string
	now   time.Time // of the packets; zero: the real time
}

func newWire(t testing.TB, c dhcp4.Config) *wire {
	return &wire{
		t: t, srv: newServer(t, c), peer: "0.0.0.0:68", local: "255.255.255.255:67",
		link: &dhcp4.Link{Name: "eth0", Index: 3, Addrs: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}},
	}
}

// send gives m to the Server. Without a reply, reply is nil and reason tells
// why; a NAK comes with its reason.
func (w *wire) send(m *dhcp4.Message) (reply *dhcp4.Message, out dhcp4.Packet, reason dhcp4.Reason) {
	w.t.Helper()
	data, err := m.AppendBinary(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	before := reasonCounts(w.srv)
	out, err = w.srv.Respond(context.Background(), dhcp4.Packet{
		Data: data, Link: w.link, Peer: netip.MustParseAddrPort(w.peer), Local: netip.MustParseAddrPort(w.local), Time: w.now,
	}, nil)
	reason = newReason(w.t, before, reasonCounts(w.srv))
	if len(out.Data) == 0 {
		if err != reason {
			w.t.Errorf("silence for %v, but %v was counted", err, reason)
		}
		return nil, out, reason
	}
	reply = new(dhcp4.Message)
	if err := reply.Unmarshal(out.Data); err != nil {
		w.t.Fatal(err)
	}
	return reply, out, reason
}

// outcome is send in short: "OFFER 10.1.0.100", or the reason of silence.
func (w *wire) outcome(m *dhcp4.Message) string {
	w.t.Helper()
	reply, _, reason := w.send(m)
	switch {
	case reply == nil:
		return reason.Error()
	case reply.Type() == dhcp4.TypeNAK:
		return "NAK: " + reason.Error()
	}
	return strings.ToUpper(reply.Type().String()) + " " + reply.YIAddr.String()
}

func (w *wire) expect(name string, m *dhcp4.Message, want string) {
	w.t.Helper()
	if got := w.outcome(m); got != want {
		w.t.Errorf("%s: %s, want %s", name, got, want)
	}
}

// request makes a message of the client with the given number.
func fromClient(n byte, t dhcp4.MessageType, opts ...option.Option) *dhcp4.Message {
	m := message(t, opts...)
	m.HardwareAddr = lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", n))
	return m
}

func discoverOf(n byte, opts ...option.Option) *dhcp4.Message {
	return fromClient(n, dhcp4.TypeDiscover, opts...)
}

// selectOf is the REQUEST of a client that selects the address a.
func selectOf(n byte, server, a string) *dhcp4.Message {
	return fromClient(n, dhcp4.TypeRequest,
		option.DHCPServerIdentifier.New(netip.MustParseAddr(server)), option.DHCPRequestedAddress.New(netip.MustParseAddr(a)))
}

func rebootOf(n byte, a string) *dhcp4.Message {
	return fromClient(n, dhcp4.TypeRequest, option.DHCPRequestedAddress.New(netip.MustParseAddr(a)))
}

func renewOf(n byte, a string) *dhcp4.Message {
	m := fromClient(n, dhcp4.TypeRequest)
	m.CIAddr = netip.MustParseAddr(a)
	return m
}

func releaseOf(n byte, a string) *dhcp4.Message {
	m := fromClient(n, dhcp4.TypeRelease)
	m.CIAddr = netip.MustParseAddr(a)
	return m
}

// networkConfig has three subnets on one link, two addresses each, and a
// subnet elsewhere.
func networkConfig() dhcp4.Config {
	c := dhcp4.Config{
		SharedNetworks: []dhcp4.SharedNetwork{{
			Name: "floor", Interface: "eth0",
			Relays:  []netip.Addr{netip.MustParseAddr("172.16.0.1")},
			Options: option.Options{option.DomainName.New("floor.example"), option.NTPServers.New(netip.MustParseAddr("10.9.9.1"))},
		}},
		Options: option.Options{option.DomainName.New("example"), option.LogServers.New(netip.MustParseAddr("10.9.9.2"))},
	}
	for i := range 4 {
		id := uint32(i + 1)
		n := dhcp4.Subnet{
			ID: id, Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/24", id)), SharedNetwork: "floor",
			Pools:    []dhcp4.Pool{{Range: pool.MustParseRange(fmt.Sprintf("10.%d.0.100-10.%d.0.101", id, id))}},
			Options:  option.Options{option.Routers.New(netip.MustParseAddr(fmt.Sprintf("10.%d.0.1", id)))},
			ServerID: netip.MustParseAddr(fmt.Sprintf("10.%d.0.1", id)),
		}
		if id == 4 {
			n.SharedNetwork, n.Interface = "", "eth1"
		}
		c.Subnets = append(c.Subnets, n)
	}
	c.Subnets[1].Options = append(c.Subnets[1].Options, option.DomainName.New("second.example"))
	return c
}

func TestSharedNetworkFallsThroughWhereASubnetIsFull(t *testing.T) {
	w := newWire(t, networkConfig())
	for i, want := range []string{"10.1.0.100", "10.1.0.101", "10.2.0.100", "10.2.0.101", "10.3.0.100", "10.3.0.101"} {
		n := byte(i + 1)
		w.expect(fmt.Sprintf("client %d", n), discoverOf(n), "OFFER "+want)
		w.expect(fmt.Sprintf("client %d again", n), discoverOf(n), "OFFER "+want)
		w.expect(fmt.Sprintf("client %d takes it", n), selectOf(n, want[:len("10.1.0")]+".1", want), "ACK "+want)
	}
	w.expect("all are full", discoverOf(7), "no free address")
	w.expect("a lease in any of them is kept", discoverOf(5), "OFFER 10.3.0.100")
	w.expect("rebooted", rebootOf(5, "10.3.0.100"), "ACK 10.3.0.100")
	w.expect("rebinding by broadcast", renewOf(3, "10.2.0.100"), "ACK 10.2.0.100")
	w.expect("given back", releaseOf(3, "10.2.0.100"), "served, never answered")
	w.expect("it is free again", discoverOf(7), "OFFER 10.2.0.100")
	w.expect("the oldest offer gives way, wherever it is", discoverOf(8), "OFFER 10.2.0.100")
}

func TestSharedNetworkStartsWithTheSubnetOfTheRelay(t *testing.T) {
	w := newWire(t, networkConfig())
	m := discoverOf(1)
	m.GIAddr = netip.MustParseAddr("10.3.0.1")
	w.expect("giaddr in the third", m, "OFFER 10.3.0.100")
	m = discoverOf(2)
	m.GIAddr = netip.MustParseAddr("172.16.0.1")
	w.expect("a relay agent of the network", m, "OFFER 10.1.0.100")
	m = discoverOf(3, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.101")))
	w.expect("a wish within the network", m, "OFFER 10.2.0.101")
	m = discoverOf(4, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.4.0.101")))
	w.expect("a wish outside of it", m, "OFFER 10.1.0.101")
	m = discoverOf(4, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.7")))
	w.expect("a wish outside of the pools", m, "OFFER 10.1.0.101")
}

// The reply is that of the subnet of the address, not of the one that the
// client was found in.
func TestSharedNetworkRepliesAsTheSubnetOfTheAddress(t *testing.T) {
	c := networkConfig()
	c.Lifetime = 3600e9
	c.Subnets[1].Lifetime = 600e9
	c.Subnets[1].Boot.File = "second"
	w := newWire(t, c)
	for n := byte(1); n < 3; n++ {
		w.outcome(discoverOf(n, askFor(42)))
	}
	reply, _, _ := w.send(discoverOf(3, askFor(42, 7)))
	if reply == nil {
		t.Fatal("no reply")
	}
	want := option.Options{
		option.SubnetMask.New(netip.MustParseAddr("255.255.255.0")),
		option.Routers.New(netip.MustParseAddr("10.2.0.1")),
		option.LogServers.New(netip.MustParseAddr("10.9.9.2")), // of the Config
		option.DomainName.New("second.example"),                // of the Subnet
		option.NTPServers.New(netip.MustParseAddr("10.9.9.1")), // of the SharedNetwork
		option.DHCPLeaseTime.New(600e9),
		option.DHCPServerIdentifier.New(netip.MustParseAddr("10.2.0.1")),
	}
	for _, o := range want {
		data, _ := reply.Options.Lookup(o.Code)
		if diff := cmp.Diff(o.Data, data, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", o.Code, diff)
		}
	}
	if string(reply.File) != "second" {
		t.Errorf("file %q", reply.File)
	}
	first, _, _ := w.send(discoverOf(1))
	if name, _, _ := option.DomainName.Get(first.Options); name != "floor.example" {
		t.Errorf("domain name %q, want that of the SharedNetwork", name)
	}
}

func TestSharedNetworkStoresTheSubnetOfTheAddress(t *testing.T) {
	var st lease.Memory
	c := networkConfig()
	c.Leases = &st
	w := newWire(t, c)
	w.expect("in the second", selectOf(1, "10.1.0.1", "10.2.0.100"), "ACK 10.2.0.100")
	l, ok, err := lease.Get(context.Background(), &st, netip.MustParseAddr("10.2.0.100"))
	if err != nil || !ok || l.SubnetID != 2 {
		t.Fatalf("%+v, %v, %v", l, ok, err)
	}
	// Who takes another one gives up the first, wherever it is.
	w.expect("moves to the third", selectOf(1, "10.3.0.1", "10.3.0.101"), "ACK 10.3.0.101")
	if st.Len() != 1 {
		t.Errorf("%d leases, want one", st.Len())
	}
	w.expect("the old one is free", selectOf(2, "10.2.0.1", "10.2.0.100"), "ACK 10.2.0.100")
}

// A client that names no address gets one of any subnet, stored as of that.
func TestSharedNetworkGivesAnyAddressToWhoAsksForNone(t *testing.T) {
	var st lease.Memory
	c := networkConfig()
	c.Leases = &st
	w := newWire(t, c)
	w.expect("the first subnet is full", selectOf(1, "10.1.0.1", "10.1.0.100"), "ACK 10.1.0.100")
	w.expect("the first subnet is full", selectOf(2, "10.1.0.1", "10.1.0.101"), "ACK 10.1.0.101")
	w.expect("any", fromClient(3, dhcp4.TypeRequest), "ACK 10.2.0.100")
	w.expect("and again", fromClient(3, dhcp4.TypeRequest), "ACK 10.2.0.100")
	if l, _, err := lease.Get(context.Background(), &st, netip.MustParseAddr("10.2.0.100")); err != nil || l.SubnetID != 2 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestSharedNetworkOffersStandAndEndTogether(t *testing.T) {
	w := newWire(t, networkConfig())
	w.expect("the first subnet is full", selectOf(1, "10.1.0.1", "10.1.0.100"), "ACK 10.1.0.100")
	w.expect("the first subnet is full", selectOf(2, "10.1.0.1", "10.1.0.101"), "ACK 10.1.0.101")
	w.expect("offered", discoverOf(3), "OFFER 10.2.0.100")
	w.expect("an address comes back", releaseOf(1, "10.1.0.100"), "served, never answered")
	w.expect("asked again, the same answer", discoverOf(3), "OFFER 10.2.0.100")
	w.expect("another address is taken", selectOf(3, "10.3.0.1", "10.3.0.101"), "ACK 10.3.0.101")
	if free, _ := w.srv.PoolCounts(2); free != 2 {
		t.Errorf("%d addresses are free where the offer was, want 2", free)
	}
	w.expect("offered", discoverOf(4, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.101"))), "OFFER 10.2.0.101")
	w.expect("another server is chosen", selectOf(4, "192.0.2.1", "192.0.2.9"), "meant for another server")
	if free, _ := w.srv.PoolCounts(2); free != 2 {
		t.Errorf("%d addresses are free where the offer was, want 2", free)
	}
}

// Before an offer gives way, the leases that have expired do, in any subnet.
func TestSharedNetworkReclaimsBeforeAnOfferGivesWay(t *testing.T) {
	c := networkConfig()
	c.OfferLifetime = 24 * time.Hour
	w := newWire(t, c)
	offers := []string{"10.1.0.100", "10.1.0.101", "10.2.0.100", "10.2.0.101", "10.3.0.100"}
	for n, a := range offers {
		w.expect("offered", discoverOf(byte(n)), "OFFER "+a)
	}
	w.expect("leased", selectOf(6, "10.3.0.1", "10.3.0.101"), "ACK 10.3.0.101")
	w.now = time.Now().Add(3 * time.Hour)
	w.expect("the expired one", discoverOf(7), "OFFER 10.3.0.101")
	for n, a := range offers {
		w.expect("the others stand", discoverOf(byte(n)), "OFFER "+a)
	}
}

func TestSharedNetworkCountsReservationsOfAllItsSubnets(t *testing.T) {
	mac := func(n byte) lease.HardwareAddr { return fromClient(n, dhcp4.TypeDiscover).HardwareAddr }
	c := networkConfig()
	c.Subnets[1].Reservations = []dhcp4.Reservation{
		{HardwareAddr: mac(1), Addr: netip.MustParseAddr("10.2.0.50")},
		{HardwareAddr: mac(2), Hostname: "second"},
		{HardwareAddr: mac(3), Addr: netip.MustParseAddr("10.2.0.53")},
		{AnyClient: true, Hostname: "anybody"},
	}
	c.Subnets[2].Reservations = []dhcp4.Reservation{
		{HardwareAddr: mac(2), Addr: netip.MustParseAddr("10.3.0.101"), Hostname: "third"},
		{HardwareAddr: mac(3), Addr: netip.MustParseAddr("10.3.0.53")},
	}
	c.Subnets[3].Reservations = []dhcp4.Reservation{{HardwareAddr: mac(4), Addr: netip.MustParseAddr("10.4.0.50")}}
	w := newWire(t, c)
	w.expect("in another subnet", discoverOf(1), "OFFER 10.2.0.50")
	w.expect("selected", selectOf(1, "10.2.0.1", "10.2.0.50"), "ACK 10.2.0.50")
	w.expect("another address", selectOf(1, "10.1.0.1", "10.1.0.100"), "NAK: address is reserved")
	w.expect("one with an address before one without", discoverOf(2), "OFFER 10.3.0.101")
	w.expect("nobody else gets it", selectOf(5, "10.3.0.1", "10.3.0.101"), "NAK: address is reserved")
	w.expect("nor by reboot", rebootOf(5, "10.2.0.53"), "unknown client reboots")
	w.expect("two of them: the first of the network", discoverOf(3), "OFFER 10.2.0.53")
	w.expect("and no other", selectOf(3, "10.3.0.1", "10.3.0.53"), "NAK: address is reserved")
	w.expect("one of another link does not count", discoverOf(4), "OFFER 10.1.0.100")

	reply, _, _ := w.send(discoverOf(2))
	if name, _, _ := option.HostName.Get(reply.Options); name != "third" {
		t.Errorf("host name %q, want that of the subnet of the address", name)
	}
	if reply, _, _ = w.send(discoverOf(6)); reply == nil {
		t.Fatal("no reply")
	}
	if name, _, _ := option.HostName.Get(reply.Options); name != "anybody" {
		t.Errorf("host name %q, want that of whoever is on the link", name)
	}
}

// Full subnets are not tried again and again: next to the client's own comes
// the one that had a free address last.
// The reservation of the subnet that the client has its lease in counts before
// the others.
func TestSharedNetworkKeepsTheClientAtTheReservationThatItHas(t *testing.T) {
	var st lease.Memory
	mac := discoverOf(3).HardwareAddr
	c := networkConfig()
	c.Leases = &st
	c.Subnets[2].Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Addr: netip.MustParseAddr("10.3.0.53")}}
	w := newWire(t, c)
	w.expect("the only one", selectOf(3, "10.3.0.1", "10.3.0.53"), "ACK 10.3.0.53")
	w.srv.Close()
	c.Subnets[1].Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Addr: netip.MustParseAddr("10.2.0.53")}}
	w = newWire(t, c)
	w.expect("renewed", renewOf(3, "10.3.0.53"), "ACK 10.3.0.53")
	w.expect("offered", discoverOf(3), "OFFER 10.3.0.53")
	w.expect("rebooted", rebootOf(3, "10.3.0.53"), "ACK 10.3.0.53")
	w.expect("none named", fromClient(3, dhcp4.TypeRequest), "ACK 10.3.0.53")
}

func TestSharedNetworkGoesOnWhereAnAddressWasFree(t *testing.T) {
	w := newWire(t, networkConfig())
	for n, a := range []string{"10.1.0.100", "10.1.0.101", "10.2.0.100", "10.2.0.101"} {
		w.expect("full", selectOf(byte(n), "10.1.0.1", a), "ACK "+a)
	}
	w.expect("the third has room", discoverOf(5), "OFFER 10.3.0.100")
	w.expect("the second has, too", releaseOf(2, "10.2.0.100"), "served, never answered")
	w.expect("the third still has", discoverOf(6), "OFFER 10.3.0.101")
	w.expect("now the second comes", discoverOf(7), "OFFER 10.2.0.100")
	w.expect("the client's own comes first", releaseOf(0, "10.1.0.100"), "served, never answered")
	w.expect("the client's own comes first", discoverOf(8), "OFFER 10.1.0.100")
}

func TestSharedNetworkIsAskedForInOneQuery(t *testing.T) {
	c := networkConfig()
	var queries [][]uint32
	c.Leases = &leasetest.Hooks{
		Store: new(lease.Memory),
		BeforeFind: func(_ context.Context, qs []lease.Query) error {
			for _, q := range qs {
				queries = append(queries, slices.Clone(q.Subnets))
			}
			return nil
		},
	}
	w := newWire(t, c)
	w.expect("REQUEST", selectOf(1, "10.1.0.1", "10.2.0.100"), "ACK 10.2.0.100")
	if diff := cmp.Diff([][]uint32{{1, 2, 3}}, queries); diff != "" {
		t.Errorf("subnets asked for (-want +got):\n%s", diff)
	}
}

func TestSharedNetworkTakesAnAddressOfAnySubnetFromTheHostFinder(t *testing.T) {
	c := networkConfig()
	addr := netip.MustParseAddr("10.3.0.7")
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		return &dhcp4.Reservation{Addr: addr}, nil
	})
	w := newWire(t, c)
	w.expect("in the third", discoverOf(1), "OFFER 10.3.0.7")
	reply, _, _ := w.send(selectOf(1, "10.3.0.1", "10.3.0.7"))
	if router, _, _ := option.Routers.Get(reply.Options); len(router) != 1 || router[0].String() != "10.3.0.1" {
		t.Errorf("router %v", router)
	}
	addr = netip.MustParseAddr("10.4.0.7")
	w.expect("outside of the network", discoverOf(2), "the HostFinder failed")
}

func TestSharedNetworkPassesOverSubnetsForKnownClients(t *testing.T) {
	c := networkConfig()
	c.Subnets[0].KnownOnly, c.Subnets[1].KnownOnly = true, true
	c.Subnets[2].Reservations = []dhcp4.Reservation{{HardwareAddr: discoverOf(1).HardwareAddr, Hostname: "known"}}
	w := newWire(t, c)
	w.expect("unknown", discoverOf(2), "OFFER 10.3.0.100")
	w.expect("known, by any subnet of the network", discoverOf(1), "OFFER 10.1.0.100")
	w.expect("unknown, and wishes", discoverOf(3, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.100"))), "OFFER 10.3.0.101")
	w.expect("unknown, and asks", selectOf(4, "10.2.0.1", "10.2.0.100"), "requested address is in no pool")
}

// The subnet of the requested address decides about a REQUEST.
func TestSharedNetworkIsAsAuthoritativeAsTheSubnetOfTheAddress(t *testing.T) {
	c := networkConfig()
	c.Subnets[1].Authoritative = dhcp4.Yes
	w := newWire(t, c)
	w.expect("not there", rebootOf(1, "10.1.0.100"), "unknown client reboots")
	w.expect("not outside", rebootOf(1, "192.0.2.1"), "unknown client reboots")
	w.expect("there", rebootOf(1, "10.2.0.100"), "NAK: wrong address")
	reply, _, _ := w.send(rebootOf(1, "10.2.0.100"))
	if id, _, _ := option.DHCPServerIdentifier.Get(reply.Options); id.String() != "10.2.0.1" {
		t.Errorf("server identifier %v", id)
	}
}

func TestSharedNetworkOfManyFullSubnetsGivesWhatIsLeft(t *testing.T) {
	const subnets = 200
	c := dhcp4.Config{SharedNetworks: []dhcp4.SharedNetwork{{Name: "big", Interface: "eth0"}}}
	for i := range subnets {
		n := dhcp4.Subnet{ID: uint32(i + 1), Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), 0}), 24), SharedNetwork: "big"}
		size := byte(1)
		if i == subnets-1 {
			size = 100
		}
		n.Pools = []dhcp4.Pool{{Range: pool.Range{
			First: netip.AddrFrom4([4]byte{10, 1, byte(i), 100}), Last: netip.AddrFrom4([4]byte{10, 1, byte(i), 99 + size}),
		}}}
		c.Subnets = append(c.Subnets, n)
	}
	var st lease.Memory
	c.Leases = &st
	var full []lease.Change
	for i := range subnets - 1 {
		l := &lease.Lease{Addr: netip.AddrFrom4([4]byte{10, 1, byte(i), 100}), SubnetID: uint32(i + 1), Lifetime: lease.Infinite, HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:01:%02x", i))}
		full = append(full, lease.Change{New: l})
	}
	if err := st.Update(context.Background(), full); err != nil {
		t.Fatal(err)
	}
	for i := range full {
		if err := full[i].Err; err != nil {
			t.Fatal(err)
		}
	}
	w := newWire(t, c)
	for n := byte(1); n < 60; n++ {
		w.expect("the last one has room", discoverOf(n), fmt.Sprintf("OFFER 10.1.199.%d", 99+int(n)))
	}
}

func TestSubnetsOnOneLinkWithoutSharedNetworkDoNotFallThrough(t *testing.T) {
	c := networkConfig()
	c.SharedNetworks = nil
	for i := range c.Subnets {
		c.Subnets[i].SharedNetwork, c.Subnets[i].Interface = "", "eth0"
	}
	w := newWire(t, c)
	w.expect("the first one", discoverOf(1), "OFFER 10.1.0.100")
	w.expect("the first one", discoverOf(2), "OFFER 10.1.0.101")
	w.expect("taken", selectOf(1, "10.1.0.1", "10.1.0.100"), "ACK 10.1.0.100")
	w.expect("taken", selectOf(2, "10.1.0.1", "10.1.0.101"), "ACK 10.1.0.101")
	w.expect("full", discoverOf(3), "no free address")
	w.expect("an address of another one", selectOf(3, "10.1.0.1", "10.2.0.100"), "requested address is in no pool")
	w.local = "10.1.0.1:67"
	w.expect("a renewal stays in the subnet of its lease", renewOf(3, "10.2.0.100"), "ACK 10.2.0.100")
}

func TestSharedNetworkMistakesAreRefused(t *testing.T) {
	c := networkConfig()
	c.SharedNetworks = append(c.SharedNetworks, dhcp4.SharedNetwork{Name: "floor"}, dhcp4.SharedNetwork{},
		dhcp4.SharedNetwork{Name: "loose", Relays: []netip.Addr{netip.IPv4Unspecified()}})
	c.Subnets[1].Interface = "eth1"
	c.Subnets[2].SharedNetwork = "cellar"
	c.Subnets[2].Relays = []netip.Addr{netip.MustParseAddr("224.0.0.1")}
	c.Subnets[3].Source = netip.IPv4Unspecified()
	for i := range 2 {
		c.Subnets = append(c.Subnets, dhcp4.Subnet{
			ID: uint32(9 + i), Prefix: netip.MustParsePrefix(fmt.Sprintf("10.%d.0.0/24", 9+i)), SharedNetwork: "loose", Interface: fmt.Sprintf("eth%d", i),
		})
	}
	want := []string{
		`Subnets[2].Relays[0]: 224.0.0.1 is not a unicast IPv4 address`,
		`Subnets[3].Source: 0.0.0.0 is not a unicast IPv4 address`,
		`SharedNetworks[1].Name: "floor" is the Name of SharedNetworks[0] too`,
		`SharedNetworks[2].Name: must not be empty`,
		`SharedNetworks[3].Relays[0]: 0.0.0.0 is not a unicast IPv4 address`,
		`Subnets[1].Interface: "eth1" is not "eth0", the Interface of the SharedNetwork "floor"`,
		`Subnets[2].SharedNetwork: there is no SharedNetwork with the Name "cellar"`,
		`Subnets[5].Interface: "eth1" is not "eth0", the Interface of the subnet 9 in the same SharedNetwork`,
	}
	if diff := cmp.Diff(want, problemsOf(t, c)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAddedSubnetJoinsItsSharedNetwork(t *testing.T) {
	c := networkConfig()
	second, third := c.Subnets[1], c.Subnets[2]
	c.Subnets = append(c.Subnets[:1], c.Subnets[3:]...)
	w := newWire(t, c)
	w.expect("the first is full", selectOf(1, "10.1.0.1", "10.1.0.100"), "ACK 10.1.0.100")
	w.expect("the first is full", selectOf(2, "10.1.0.1", "10.1.0.101"), "ACK 10.1.0.101")
	w.expect("no other one", discoverOf(3), "no free address")
	if err := w.srv.AddSubnet(second); err != nil {
		t.Fatal(err)
	}
	w.expect("the second", discoverOf(3), "OFFER 10.2.0.100")
	w.expect("the second", selectOf(3, "10.2.0.1", "10.2.0.100"), "ACK 10.2.0.100")
	relayed := via("172.16.0.1", discoverOf(4))
	w.expect("its relay agents", relayed, "OFFER 10.2.0.101")
	if !w.srv.RemoveSubnet(2) {
		t.Error("there was no subnet 2")
	}
	w.expect("gone again", rebootOf(3, "10.2.0.100"), "unknown client reboots")
	w.expect("gone again", discoverOf(3), "no free address")

	third.Interface = "eth1"
	wantConfigError(t, w.srv.AddSubnet(third), `Subnet.Interface: "eth1" is not "eth0"`)
	third.Interface, third.SharedNetwork = "", "cellar"
	wantConfigError(t, w.srv.AddSubnet(third), `Subnet.SharedNetwork: there is no SharedNetwork with the Name "cellar"`)
	third.SharedNetwork, third.Relays = "floor", []netip.Addr{netip.IPv4Unspecified()}
	wantConfigError(t, w.srv.AddSubnet(third), `Subnet.Relays[0]: 0.0.0.0 is not`)
}

// Run with -race: a network changes while it is served.
func TestSharedNetworkChangesWhileItIsServed(t *testing.T) {
	c := networkConfig()
	second := c.Subnets[1]
	w := newWire(t, c)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			w.srv.RemoveSubnet(2)
			if err := w.srv.AddSubnet(second); err != nil {
				t.Error(err)
			}
		}
	}()
	for i := 0; ; i++ {
		data, err := discoverOf(byte(i%10), option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.100"))).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: w.link, Local: broadcast}, nil)
		if len(out.Data) == 0 && err != dhcp4.ReasonNoAddress {
			t.Fatal(err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}
