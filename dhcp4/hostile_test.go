package dhcp4_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// Whoever names addresses of a pool as the server (RFC 5107) gets others, and
// takes none of them from anybody else.
func TestServerIDOverrideTakesNoAddressFromThePool(t *testing.T) {
	c := relayConfig()
	c.Subnets[1].Pools[0].Range = pool.MustParseRange("10.2.0.100-10.2.0.103")
	w := newWire(t, c)
	named := []string{"10.2.0.100", "10.2.0.101", "10.2.0.102", "10.2.0.103"}
	for i, a := range named {
		m := via("10.2.0.1", discoverOf(byte(i)), subOption(11, octets(a)))
		m.Options = append(m.Options, option.DHCPRequestedAddress.New(netip.MustParseAddr(a)))
		reply, _, reason := w.send(m)
		if reply == nil {
			t.Fatalf("client %d: %v", i, reason)
		}
		if reply.YIAddr.String() == a {
			t.Errorf("client %d is offered %v, which the relay agent has for the server", i, reply.YIAddr)
		}
		w.expect("to another server", via("10.2.0.1", selectOf(byte(i), "10.9.9.9", "10.2.0.100")), dhcp4.ReasonOtherServer.Error())
	}
	if free, total := w.srv.PoolCounts(2); free != total {
		t.Errorf("%d of %d addresses are free, and none is leased", free, total)
	}
	// What was on offer before, it gives up.
	w.expect("offered", via("10.2.0.1", discoverOf(9, option.DHCPRequestedAddress.New(netip.MustParseAddr("10.2.0.102")))), "OFFER 10.2.0.102")
	if reply, _, reason := w.send(via("10.2.0.1", discoverOf(9), subOption(11, octets("10.2.0.102")))); reply == nil || reply.YIAddr.String() == "10.2.0.102" {
		t.Errorf("then offered %v, %v", reply, reason)
	}
	if free, total := w.srv.PoolCounts(2); free != total-1 {
		t.Errorf("%d of %d addresses are free, and one is on offer", free, total)
	}
}

// A reservation that is deleted while a request is on its way leaves its
// address in the pool, though the request still sees it.
func TestReservationDeletedMeanwhileGivesItsAddressBack(t *testing.T) {
	reserved := dhcp4.Reservation{HardwareAddr: otherMAC, Addr: netip.MustParseAddr("192.0.2.100")}
	c := labConfig()
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.2.100-192.0.2.101")
	c.Subnets[0].Reservations = []dhcp4.Reservation{reserved, {FlexID: "x", Hostname: "x"}}
	var srv *dhcp4.Server
	c.FlexID = func(*dhcp4.Exchange) string {
		srv.DeleteReservation(1, reserved)
		return ""
	}
	l := newLab(t, c)
	srv = l.srv
	a := stranger("0a")
	if got, _ := l.send(request{from: a, typ: dhcp4.TypeDiscover, asks: ".100"}); got.Addr == ".100" {
		t.Errorf("%v", got)
	}
	l.send(request{from: a, typ: dhcp4.TypeRequest, server: ".9", asks: ".100"})
	if free, _ := l.srv.PoolCounts(1); free != 2 {
		t.Errorf("%d addresses are free, want 2", free)
	}
}

// A client with many identifiers and one hardware address has many leases, and
// each message of it makes the Server look at all of them. They are not kept
// when the messages are answered.
func TestClientWithThousandsOfLeasesBindsNoMemory(t *testing.T) {
	const n = 20_000
	var st lease.Memory
	c := labConfig()
	c.Leases = &st
	c.Subnets[0].Prefix = netip.MustParsePrefix("192.0.0.0/16")
	c.Subnets[0].Pools[0].Range = pool.MustParseRange("192.0.4.0-192.0.255.200")
	one := lease.Lease{Addr: netip.MustParseAddr("192.0.4.0"), SubnetID: 1, HardwareAddr: lease.MustParseHardwareAddr(client1.mac), Lifetime: lease.Infinite}
	for i := range n {
		one.ClientID, one.Addr = lease.ClientIDFrom(fmt.Append(nil, "client", i)), one.Addr.Next()
		l := one
		cs := []lease.Change{{New: &l}}
		if err := st.Update(t.Context(), cs); err != nil || cs[0].Err != nil {
			t.Fatal(err, cs[0].Err)
		}
	}
	l := newLab(t, c)
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what a sync.Pool holds is gone after two
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	bare := request{from: sender{mac: client1.mac}, typ: dhcp4.TypeDiscover}
	if got := l.serveTogether(bare, bare, bare, bare); len(got) != 4 {
		t.Fatalf("%d answers", len(got))
	}
	if more := heap() - before; more > 1<<20 {
		t.Errorf("%d octets more than before", more)
	}
	runtime.KeepAlive(l)
}

// Nobody has the broadcast address of a subnet: a reply there would go to all.
func TestNoReplyGoesToTheBroadcastAddressOfASubnet(t *testing.T) {
	ask := func() *dhcp4.Message { return fromClient(1, dhcp4.TypeInform) }
	tests := []struct {
		name string
		m    *dhcp4.Message
		peer string
	}{
		{"giaddr", via("10.2.0.255", discoverOf(1)), "10.2.0.1:67"},
		{"giaddr, the port of its choice", via("10.2.0.255", discoverOf(1), subOption(19, "")), "10.2.0.1:7"},
		{"giaddr, another link", via("10.2.0.255", discoverOf(1), subOption(5, octets("10.6.0.0"))), "10.2.0.1:67"},
		{"giaddr, REQUEST", via("10.2.0.255", selectOf(1, "10.1.0.1", "10.2.0.100")), "10.2.0.1:67"},
		{"giaddr, INFORM", via("10.2.0.255", ask()), "10.2.0.1:67"},
		{"source", ask(), "10.2.0.255:68"},
		{"ciaddr of another subnet", via("10.2.0.1", func() *dhcp4.Message { m := ask(); m.CIAddr = netip.MustParseAddr("10.6.0.255"); return m }()), "10.2.0.1:67"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := relayConfig()
			c.Leases = &st
			w := newWire(t, c)
			w.peer, w.local = tt.peer, "10.1.0.1:67"
			if reply, out, reason := w.send(tt.m); reply != nil || reason != dhcp4.ReasonNoReturnPath {
				t.Errorf("sent to %v, %v", out.Peer, reason)
			}
			for l := range st.Leases(t.Context(), lease.Filter{}) {
				t.Errorf("%v is leased", l.Addr)
			}
		})
	}
}
