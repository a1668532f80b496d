package dhcp4_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// The identifiers of the client in these tests.
const (
	kindMAC    = "02:00:00:00:00:aa"
	kindDUID   = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\xaa"
	kindPort   = "port 7"
	kindRemote = "modem 9"
)

// kindDiscover is a DISCOVER that shows all kinds of identifiers, by way of a
// relay agent.
func kindDiscover() *dhcp4.Message {
	m := message(dhcp4.TypeDiscover,
		option.Option{Code: 61, Data: []byte("\xff\x01\x02\x03\x04" + kindDUID)},
		option.Option{Code: 82, Data: []byte("\x01\x06" + kindPort + "\x02\x07" + kindRemote)})
	m.HardwareAddr = lease.MustParseHardwareAddr(kindMAC)
	m.GIAddr = netip.MustParseAddr("192.0.2.254")
	return m
}

// hostsByKind returns a reservation of each kind, with addresses of their own.
func hostsByKind() map[dhcp4.HostIdentifier]dhcp4.Reservation {
	return map[dhcp4.HostIdentifier]dhcp4.Reservation{
		dhcp4.ByFlexID:       {FlexID: "the client", Addr: fullAddr(".11")},
		dhcp4.ByHardwareAddr: {HardwareAddr: lease.MustParseHardwareAddr(kindMAC), Addr: fullAddr(".12")},
		dhcp4.ByDUID:         {DUID: kindDUID, Addr: fullAddr(".13")},
		dhcp4.ByCircuitID:    {CircuitID: kindPort, Addr: fullAddr(".14")},
		dhcp4.ByClientID:     {ClientID: lease.ClientIDFrom([]byte("\xff\x01\x02\x03\x04" + kindDUID)), Addr: fullAddr(".15")},
		dhcp4.ByRemoteID:     {RemoteID: kindRemote, Addr: fullAddr(".16")},
	}
}

var allKinds = []dhcp4.HostIdentifier{
	dhcp4.ByFlexID, dhcp4.ByHardwareAddr, dhcp4.ByDUID, dhcp4.ByCircuitID, dhcp4.ByClientID, dhcp4.ByRemoteID,
}

func kindConfig() dhcp4.Config {
	c := labConfig()
	c.Subnets[0].ServerID = fullAddr(".1")
	c.FlexID = func(x *dhcp4.Exchange) string {
		if x.Subnet == nil || x.Request == nil {
			return "called too early"
		}
		return "the client"
	}
	return c
}

// TestReservationByEachKindOfIdentifier, in the subnet, in the Config and put
// while serving.
func TestReservationByEachKindOfIdentifier(t *testing.T) {
	for kind, r := range hostsByKind() {
		for where, make := range map[string]func() *dhcp4.Server{
			"subnet": func() *dhcp4.Server {
				c := kindConfig()
				c.Subnets[0].Reservations = []dhcp4.Reservation{r}
				return newServer(t, c)
			},
			"Config": func() *dhcp4.Server {
				c := kindConfig()
				c.Reservations = []dhcp4.Reservation{r}
				return newServer(t, c)
			},
			"live": func() *dhcp4.Server {
				s := newServer(t, kindConfig())
				put(t, s, 1, r)
				return s
			},
		} {
			t.Run(fmt.Sprintf("%d in %s", kind, where), func(t *testing.T) {
				s := make()
				if a := wantType(t, s, kindDiscover(), dhcp4.TypeOffer).YIAddr; a != r.Addr {
					t.Errorf("got %v, want %v", a, r.Addr)
				}
				other := message(dhcp4.TypeDiscover, option.Option{Code: 61, Data: []byte("\xff\x01\x02\x03\x04other")})
				other.GIAddr = netip.MustParseAddr("192.0.2.254")
				if kind == dhcp4.ByFlexID {
					return // the function takes all for the same
				}
				if a := wantType(t, s, other, dhcp4.TypeOffer).YIAddr; a == r.Addr {
					t.Error("another client gets it too")
				}
			})
		}
	}
}

// TestHostIdentifiersTellTheOrder takes the kinds away one by one, in the
// order of the constants and in the opposite one.
func TestHostIdentifiersTellTheOrder(t *testing.T) {
	backwards := slices.Clone(allKinds)
	slices.Reverse(backwards)
	for name, order := range map[string][]dhcp4.HostIdentifier{"default": nil, "backwards": backwards, "two": backwards[2:4]} {
		t.Run(name, func(t *testing.T) {
			c := kindConfig()
			c.HostIdentifiers = order
			s := newServer(t, c)
			hosts := hostsByKind()
			for _, r := range hosts {
				put(t, s, 1, r)
			}
			if order == nil {
				order = allKinds
			}
			for _, kind := range order {
				if a := wantType(t, s, kindDiscover(), dhcp4.TypeOffer).YIAddr; a != hosts[kind].Addr {
					t.Errorf("got %v, want %v", a, hosts[kind].Addr)
				}
				s.DeleteReservation(1, hosts[kind])
			}
			if a := wantType(t, s, kindDiscover(), dhcp4.TypeOffer).YIAddr; a != fullAddr(".100") {
				t.Errorf("a kind that is not looked up is used: %v", a)
			}
		})
	}
}

func TestFlexIDIsCalledOnceAndOnlyIfItIsNeeded(t *testing.T) {
	c := kindConfig()
	var calls atomic.Int32
	c.FlexID = func(*dhcp4.Exchange) string {
		if calls.Add(1) == 2 {
			panic("planted")
		}
		return ""
	}
	s := newServer(t, c)
	wantType(t, s, kindDiscover(), dhcp4.TypeOffer)
	if n := calls.Load(); n != 0 {
		t.Errorf("called %d times for no reservation", n)
	}
	put(t, s, 0, dhcp4.Reservation{FlexID: "somebody"})
	wantType(t, s, kindDiscover(), dhcp4.TypeOffer)
	if n := calls.Load(); n != 1 {
		t.Errorf("called %d times for one packet", n)
	}
	// A panic costs the packet, and nothing else.
	if r, _, err := respond(t, s, kindDiscover()); r != nil || err != dhcp4.ReasonFuncFailed {
		t.Errorf("got %v, %v", r, err)
	}
	wantType(t, s, kindDiscover(), dhcp4.TypeOffer)
}

func TestGlobalReservation(t *testing.T) {
	const ask = dhcp4.TypeRequest
	mac := lease.MustParseHardwareAddr(client1.mac)
	c := labConfig()
	c.Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Addr: fullAddr(".150"), Hostname: "Roaming"}}
	c.Subnets = append(c.Subnets, dhcp4.Subnet{ID: 2, Prefix: netip.MustParsePrefix("10.7.0.0/24"), ServerID: fullAddr("10.7.0.1"),
		Pools: []dhcp4.Pool{{Range: pool.MustParseRange("10.7.0.10-10.7.0.19")}}})
	l := newLab(t, c)
	if free, total := l.srv.PoolCounts(1); free != total-1 {
		t.Errorf("%d of %d are free, want one less", free, total)
	}
	l.expect("where its address belongs", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".150"))
	l.expect("not for others", request{from: client2, typ: ask, server: "us", asks: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("elsewhere it counts for the rest", request{from: client1, typ: dhcp4.TypeDiscover, giaddr: "10.7.0.2"}, offerOf("10.7.0.10").relayed("10.7.0.2", 0))
	_, reply := l.send(request{from: client1, typ: dhcp4.TypeDiscover, giaddr: "10.7.0.2"})
	if name, _, _ := option.HostName.Get(reply.Options); name != "roaming" {
		t.Errorf("the host name is %q", name)
	}
	// One of the subnet is stronger.
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".20")})
	l.expect("the subnet's", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".20"))
}

func TestWhichReservationsCount(t *testing.T) {
	mac := lease.MustParseHardwareAddr(client1.mac)
	own := dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".150"), Hostname: "own"}
	global := dhcp4.Reservation{HardwareAddr: mac, Addr: fullAddr(".160"), Hostname: "global"}
	for _, tt := range []struct {
		name                        string
		inSubnet, global, outOfPool dhcp4.Choice
		addr, hostname              string
		taken                       []string // what others do not get
		free                        []string
	}{
		{"by default", dhcp4.Inherit, dhcp4.Inherit, dhcp4.Inherit, ".150", "own", []string{".150", ".160"}, nil},
		{"global only", dhcp4.No, dhcp4.Yes, dhcp4.No, ".160", "global", []string{".160"}, []string{".150"}},
		{"the subnet's only", dhcp4.Yes, dhcp4.No, dhcp4.No, ".150", "own", []string{".150"}, []string{".160"}},
		{"none", dhcp4.No, dhcp4.No, dhcp4.No, ".100", "", nil, []string{".150", ".160"}},
		// Kea takes it that nobody has reserved what is in a pool.
		{"out of the pools", dhcp4.Yes, dhcp4.No, dhcp4.Yes, ".100", "own", nil, []string{".150"}},
	} {
		for _, where := range []string{"Config", "Subnet"} {
			t.Run(tt.name+", said in the "+where, func(t *testing.T) {
				c := labConfig()
				c.Reservations = []dhcp4.Reservation{global}
				c.Subnets[0].Reservations = []dhcp4.Reservation{own}
				if where == "Config" {
					c.ReservationsInSubnet, c.ReservationsGlobal, c.ReservationsOutOfPool = tt.inSubnet, tt.global, tt.outOfPool
				} else {
					n := &c.Subnets[0]
					n.ReservationsInSubnet, n.ReservationsGlobal, n.ReservationsOutOfPool = tt.inSubnet, tt.global, tt.outOfPool
				}
				l := newLab(t, c)
				if free, total := l.srv.PoolCounts(1); free != total-len(tt.taken) {
					t.Errorf("%d of %d are free, want %d less", free, total, len(tt.taken))
				}
				l.expect("the client", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(tt.addr))
				_, reply := l.send(request{from: client1, typ: dhcp4.TypeDiscover})
				if name, _, _ := option.HostName.Get(reply.Options); name != tt.hostname {
					t.Errorf("the host name is %q, want %q", name, tt.hostname)
				}
				for _, a := range tt.taken {
					l.expect(a, request{from: client2, typ: dhcp4.TypeRequest, server: "us", asks: a}, nakFor(dhcp4.ReasonReserved))
				}
				for i, a := range tt.free {
					l.expect(a, request{from: stranger(fmt.Sprintf("%02d", i)), typ: dhcp4.TypeRequest, server: "us", asks: a}, ackOf(a))
				}
			})
		}
	}
}

func TestHostMistakesNameBothPlaces(t *testing.T) {
	c := labConfig()
	mac := lease.MustParseHardwareAddr(client1.mac)
	c.HostIdentifiers = []dhcp4.HostIdentifier{dhcp4.ByDUID, 9, dhcp4.ByDUID}
	c.Reservations = []dhcp4.Reservation{{DUID: "\x01\x02"}, {DUID: "\x01\x02", Addr: fullAddr(".30")}, {FlexID: "x", Addr: fullAddr(".30")}}
	c.Subnets[0].Reservations = []dhcp4.Reservation{
		{CircuitID: "a", RemoteID: "b"}, {RemoteID: "b"}, {RemoteID: "b"},
		{HardwareAddr: mac, Addr: fullAddr(".30")},
		{DUID: "\x01\x02", Addr: fullAddr(".30")},
	}
	_, err := dhcp4.NewServer(c)
	wantConfigError(t, err,
		"HostIdentifiers[1]: 9 is not a HostIdentifier",
		"HostIdentifiers[2]: DUID is in the list already",
		"config: Reservations[1].DUID: 01:02 is in Reservations[0] too",
		"config: Reservations[2].Addr: 192.0.2.30 is in Reservations[1] too",
		"Subnets[0].Reservations[0]: needs exactly one of",
		"Subnets[0].Reservations[2].RemoteID: 62 is in Reservations[1] too",
		"Subnets[0].Reservations[3].Addr: 192.0.2.30 is that of Reservations[1] of the Config too",
		"Subnets[0].Reservations[4].Addr: 192.0.2.30 is in Reservations[3] too",
	)
	// Where only one of the two lists counts there is no conflict.
	c = labConfig()
	c.Reservations = []dhcp4.Reservation{{DUID: "\x01\x02", Addr: fullAddr(".30")}}
	c.Subnets[0].Reservations = []dhcp4.Reservation{{HardwareAddr: mac, Addr: fullAddr(".30")}}
	c.Subnets[0].ReservationsGlobal = dhcp4.No
	newServer(t, c)
}

// TestChangesBesideServing is for the race detector: every packet is answered
// by one configuration, and nobody gets what is reserved for others.
func TestChangesBesideServing(t *testing.T) {
	c := labConfig()
	c.Subnets[0].ServerID = fullAddr(".1")
	s := newServer(t, c)
	var stop atomic.Bool
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for n := 0; !stop.Load(); n++ {
				m := message(dhcp4.TypeDiscover)
				m.HardwareAddr = lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:%02x:%02x", i, n%20))
				m.GIAddr = netip.MustParseAddr("192.0.2.254")
				reply, _, err := respond(t, s, m)
				if reply == nil {
					t.Errorf("no reply: %v", err)
					return
				}
				if reply.YIAddr == fullAddr(".150") {
					t.Error("a client gets what is always reserved for another")
				}
			}
		})
	}
	always := dhcp4.Reservation{DUID: "always", Addr: fullAddr(".150")}
	put(t, s, 1, always)
	var changes sync.WaitGroup
	for _, change := range []func(n int){
		func(int) { put(t, s, 1, always) },
		func(n int) {
			r := dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:01:%02x", n%20)), Addr: fullAddr(".101")}
			if s.PutReservation(1, r) == nil && !s.DeleteReservation(1, r) {
				t.Error("what was put is not there")
			}
		},
		func(n int) {
			id := uint32(100 + n%7)
			added := dhcp4.Subnet{ID: id, Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(id), 0, 0}), 24), Interface: "eth7"}
			if err := s.AddSubnet(added); err != nil {
				t.Error(err)
			}
			if !s.RemoveSubnet(id) {
				t.Error("what was added is not there")
			}
		},
	} {
		changes.Go(func() {
			for n := range 300 {
				change(n)
			}
		})
	}
	changes.Wait()
	for n := range 20 {
		c := labConfig()
		c.Subnets[0].ServerID = fullAddr(".1")
		c.Subnets[0].Reservations = []dhcp4.Reservation{{CircuitID: fmt.Sprint(n)}}
		reconfigure(t, s, c)
	}
	stop.Store(true)
	clients.Wait()
}

// TestReservedRequestAllocations: no kind of identifier costs garbage.
func TestReservedRequestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool forget")
	}
	for kind, r := range hostsByKind() {
		c := kindConfig()
		c.Reservations = []dhcp4.Reservation{{DUID: "somebody else", CircuitID: ""}}
		c.Subnets[0].Reservations = []dhcp4.Reservation{r}
		s := newServer(t, c)
		put(t, s, 1, dhcp4.Reservation{RemoteID: "somebody else"})
		m := kindDiscover()
		m.CIAddr = r.Addr
		m.Options[0] = option.DHCPMessageType.New(uint8(dhcp4.TypeRequest))
		data, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		in := dhcp4.Packet{Data: data, Link: testLink, Peer: netip.AddrPortFrom(m.GIAddr, 67), Local: netip.AddrPortFrom(serverID, 67)}
		reply := make([]byte, 0, 1500)
		n := testing.AllocsPerRun(100, func() {
			if out, err := s.Respond(context.Background(), in, reply); len(out.Data) == 0 {
				t.Fatal(err)
			}
		})
		if n > 0 {
			t.Errorf("kind %d: a renewal makes %v allocations", kind, n)
		}
	}
}

// TestFoundAddressThatWasReservedMeanwhile: an answer of the HostFinder that
// may be used again is not, once it gives away what is another client's.
func TestFoundAddressThatWasReservedMeanwhile(t *testing.T) {
	c := labConfig()
	c.Hosts = dhcp4.HostFinderFunc(func(context.Context, *dhcp4.Exchange) (*dhcp4.Reservation, error) {
		return &dhcp4.Reservation{Addr: fullAddr(".50"), Reuse: time.Hour}, nil
	})
	l := newLab(t, c)
	l.expect("found", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".50"))
	put(t, l.srv, 1, dhcp4.Reservation{DUID: "another", Addr: fullAddr(".50")})
	l.expect("reserved", request{from: client1, typ: dhcp4.TypeDiscover}, silence(dhcp4.ReasonHostFailed))
}

func TestClientWithTwoReservationsMayHaveTheAddressOfEither(t *testing.T) {
	const ask = dhcp4.TypeRequest
	l := newLab(t, labConfig())
	l.expect("taken", request{from: client2, typ: ask, server: "us", asks: ".160"}, ackOf(".160"))
	put(t, l.srv, 1, dhcp4.Reservation{HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Addr: fullAddr(".160")})
	put(t, l.srv, 1, dhcp4.Reservation{ClientID: lease.MustParseClientID(client1.id), Addr: fullAddr(".150")})
	l.expect("not for others", request{from: stranger("01"), typ: ask, server: "us", asks: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("the second one", request{from: client1, typ: ask, server: "us", asks: ".150"}, ackOf(".150"))
	l.expect("the first one is free", request{from: client2, typ: dhcp4.TypeRelease, ciaddr: ".160"}, silence(dhcp4.ReasonUnanswered))
	l.expect("it moves", request{from: client1, typ: ask, ciaddr: ".150", source: ".150"}, nakFor(dhcp4.ReasonReserved))
	l.expect("to the first one", request{from: client1, typ: dhcp4.TypeDiscover}, offerOf(".160"))
}
