package dhcp4_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// reservedWorld is a shared network whose clients come and go while
// reservations are put and deleted. It knows who has reserved what.
type reservedWorld struct {
	t     testing.TB
	r     *rand.Rand
	srv   *dhcp4.Server
	owner map[netip.Addr]lease.HardwareAddr // of a reservation, by its address
	has   map[lease.HardwareAddr]netip.Addr // what the client was confirmed last
	stats struct{ offers, acks, naks, puts, moved int }
}

func (w *reservedWorld) client() lease.HardwareAddr {
	return lease.MustParseHardwareAddr(fmt.Sprintf("02:00:00:00:00:%02x", w.r.IntN(12)))
}

// addr returns an address of one of the two subnets, in the pool or not.
func (w *reservedWorld) addr() netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(1 + w.r.IntN(2)), 0, byte(7 + w.r.IntN(10))})
}

// change puts or deletes a reservation.
func (w *reservedWorld) change() {
	mac, a := w.client(), w.addr()
	subnet := uint32(a.As4()[1])
	if w.r.IntN(4) == 0 {
		subnet = 0
	}
	r := dhcp4.Reservation{HardwareAddr: mac, Addr: a}
	// One client has one reservation at a time.
	for id := range uint32(3) {
		w.srv.DeleteReservation(id, r)
	}
	for b, m := range w.owner {
		if m == mac {
			delete(w.owner, b)
		}
	}
	if w.r.IntN(3) == 0 {
		return
	}
	err := w.srv.PutReservation(subnet, r)
	if _, taken := w.owner[a]; taken != (err != nil) {
		w.t.Fatalf("put of %v for %v into %d: %v; it is reserved: %v", a, mac, subnet, err, taken)
	}
	if err == nil {
		w.owner[a] = mac
		w.stats.puts++
	}
}

// exchange sends one message of a client in some state.
func (w *reservedWorld) exchange() {
	mac := w.client()
	m := message(dhcp4.TypeRequest)
	m.HardwareAddr = mac
	m.GIAddr = netip.AddrFrom4([4]byte{10, byte(1 + w.r.IntN(2)), 0, 254})
	current := w.has[mac]
	ask := func(a netip.Addr) { m.Options = append(m.Options, option.DHCPRequestedAddress.New(a)) }
	switch w.r.IntN(6) {
	case 0:
		m.Options[0] = option.DHCPMessageType.New(uint8(dhcp4.TypeDiscover))
		ask(w.addr())
	case 1: // answers an OFFER, of whatever
		ask(w.addr())
		m.Options = append(m.Options, option.DHCPServerIdentifier.New(netip.AddrFrom4([4]byte{10, byte(1 + w.r.IntN(2)), 0, 1})))
	case 2: // reboots
		ask(w.addr())
	case 3: // asks for anything
	case 4: // gives back
		if !current.IsValid() {
			return
		}
		m.Options[0] = option.DHCPMessageType.New(uint8(dhcp4.TypeRelease))
		m.CIAddr = current
		delete(w.has, mac)
	default:
		if !current.IsValid() {
			return
		}
		m.CIAddr = current
	}
	reply, _, _ := respond(w.t, w.srv, m)
	if reply == nil {
		return
	}
	switch reply.Type() {
	case dhcp4.TypeNAK:
		w.stats.naks++
		if owner, ok := w.owner[m.CIAddr]; ok && owner != mac {
			w.stats.moved++
		}
		delete(w.has, mac)
		return
	case dhcp4.TypeOffer:
		w.stats.offers++
	case dhcp4.TypeACK:
		w.stats.acks++
		w.has[mac] = reply.YIAddr
	}
	if owner, ok := w.owner[reply.YIAddr]; ok && owner != mac {
		w.t.Errorf("%v for %v, but it is reserved for %v: %v", reply.Type(), mac, owner, m)
	}
}

// TestNobodyGetsWhatIsReservedForOthers, in any message and in any subnet of a
// shared network, whatever is put and deleted meanwhile.
func TestNobodyGetsWhatIsReservedForOthers(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := reservedWorld{t: t, r: rand.New(rand.NewPCG(seed, 0))}
	for range 20 {
		c := dhcp4.Config{SharedNetworks: []dhcp4.SharedNetwork{{Name: "net"}}, Authoritative: w.r.IntN(2) == 0}
		for id := uint32(1); id <= 2; id++ {
			c.Subnets = append(c.Subnets, dhcp4.Subnet{
				ID:            id,
				Prefix:        netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(id), 0, 0}), 24),
				SharedNetwork: "net",
				ServerID:      netip.AddrFrom4([4]byte{10, byte(id), 0, 1}),
				Pools:         []dhcp4.Pool{{Range: pool.MustParseRange(fmt.Sprintf("10.%d.0.10-10.%d.0.16", id, id))}},
			})
		}
		w.srv = newServer(t, c)
		w.owner, w.has = make(map[netip.Addr]lease.HardwareAddr), make(map[lease.HardwareAddr]netip.Addr)
		for range 500 {
			if w.r.IntN(4) == 0 {
				w.change()
			} else {
				w.exchange()
			}
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%+v", w.stats)
	if w.stats.offers == 0 || w.stats.acks == 0 || w.stats.moved == 0 || w.stats.puts == 0 {
		t.Error("too little happened")
	}
}
