package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

const (
	perSubnet = 200  // reservations at most
	rounds    = 40   // in which the servers take turns
	few       = 1000 // clients that fit into the caches
	changes   = 2000
)

// measure returns the figures for so many subnets with so many reservations
// each.
func measure(subnets, each, requests int) ([]row, error) {
	all := subnets * each
	before := heap()
	conf := config(subnets, each)
	filled := heap()
	start := time.Now()
	large, err := newServer(conf)
	if err != nil {
		return nil, err
	}
	compiled := time.Since(start)
	runtime.KeepAlive(conf)
	conf = dhcp4.Config{}
	kept := heap()
	rows := []row{
		{"NewServer", compiled.Seconds(), 3, "s"},
		{"memory for a reservation, its share of the subnet included", float64(kept-before) / float64(all), 0, "octets"},
		{"the same in the Config", float64(filled-before) / float64(all), 0, "octets"},
	}
	small, err := newServer(single())
	if err != nil {
		return nil, err
	}
	for i := range all { // everybody has a lease, from both
		if err := large.renew(i, each); err != nil {
			return nil, err
		}
		if err := small.renew(i, each); err != nil {
			return nil, err
		}
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	some := r.Perm(all)[:min(few, all)]
	for _, m := range []struct {
		name  string
		limit float64
		who   func() int
	}{
		{fmt.Sprintf("a request, clients from %d of them", len(some)), 1.3, func() int { return some[r.IntN(len(some))] }},
		{"a request, clients drawn at random", 1.6, func() int { return r.IntN(all) }},
	} {
		one, other, err := compare(requests/rounds,
			func() error { return small.renew(m.who(), each) },
			func() error { return large.renew(m.who(), each) })
		if err != nil {
			return nil, err
		}
		rows = append(rows,
			row{m.name + ", with one of each", one, 0, "s"},
			row{m.name, other, 0, "s"},
			row{m.name + ", ratio", other / one, m.limit, "times"})
	}
	more, err := large.changes(subnets, each, r)
	return append(rows, more...), err
}

// compare returns what a and b cost: the best of many rounds of n calls each,
// which is the one that least else came between.
func compare(n int, a, b func() error) (costA, costB float64, err error) {
	var as, bs []float64
	for range rounds {
		for _, f := range []struct {
			call  func() error
			costs *[]float64
		}{{a, &as}, {b, &bs}} {
			start := time.Now()
			for range n {
				if err := f.call(); err != nil {
					return 0, 0, err
				}
			}
			*f.costs = append(*f.costs, time.Since(start).Seconds()/float64(n))
		}
	}
	slices.Sort(as)
	slices.Sort(bs)
	return as[0], bs[0], nil
}

// changes measures the changes of a configuration while it is served.
func (s *server) changes(subnets, each int, r *rand.Rand) ([]row, error) {
	var rows []row
	var failed error
	measure := func(name string, change func(i int) error) {
		const step = changes / rounds
		var costs []float64
		for i := range rounds {
			start := time.Now()
			for j := range step {
				if err := change(i*step + j); err != nil && failed == nil {
					failed = fmt.Errorf("%s: %w", name, err)
				}
			}
			costs = append(costs, time.Since(start).Seconds()/step)
		}
		slices.Sort(costs)
		rows = append(rows, row{name, costs[rounds/2], 20e-6, "s"})
	}
	done := func(ok bool) error {
		if !ok {
			return fmt.Errorf("there was nothing")
		}
		return nil
	}
	who := r.Perm(subnets * each)
	whom := func(i int) (uint32, dhcp4.Reservation) {
		n := who[i%len(who)]
		return uint32(n/each) + 1, reservation(n, each)
	}
	measure("PutReservation of a new client", func(i int) error {
		id, r := whom(i)
		r.HardwareAddr = hardwareAddr(1<<30 | i)
		r.Addr = netip.Addr{}
		return s.srv.PutReservation(id, r)
	})
	measure("PutReservation that replaces one", func(i int) error {
		id, r := whom(i)
		r.Hostname = "replaced"
		return s.srv.PutReservation(id, r)
	})
	measure("DeleteReservation", func(i int) error {
		return done(s.srv.DeleteReservation(whom(i)))
	})
	added := func(i int) dhcp4.Subnet {
		n := subnet(i, 1)
		n.ID += 1 << 20
		n.Prefix = netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 0}), 24)
		n.Pools, n.Reservations = nil, nil
		return n
	}
	measure("AddSubnet", func(i int) error { return s.srv.AddSubnet(added(i)) })
	measure("RemoveSubnet", func(i int) error { return done(s.srv.RemoveSubnet(added(i).ID)) })
	return rows, failed
}

// heap returns how many octets are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func config(subnets, each int) dhcp4.Config {
	var c dhcp4.Config
	for i := range subnets {
		c.Subnets = append(c.Subnets, subnet(i, each))
	}
	return c
}

// single has one subnet and one reservation, for the same clients.
func single() dhcp4.Config {
	return dhcp4.Config{Subnets: []dhcp4.Subnet{{
		ID:           1,
		Prefix:       netip.MustParsePrefix("10.0.0.0/8"),
		Pools:        []dhcp4.Pool{{Range: pool.MustParseRange("10.0.0.1-10.255.255.254")}},
		Options:      option.Options{option.Routers.New(addr(0, 254))},
		Reservations: []dhcp4.Reservation{reservation(0, 1)},
	}}}
}

func subnet(i, each int) dhcp4.Subnet {
	n := dhcp4.Subnet{
		ID:      uint32(i) + 1,
		Prefix:  netip.PrefixFrom(addr(i, 0), 24),
		Pools:   []dhcp4.Pool{{Range: pool.Range{First: addr(i, 210), Last: addr(i, 250)}}},
		Options: option.Options{option.Routers.New(addr(i, 254))},
	}
	for j := range each {
		n.Reservations = append(n.Reservations, reservation(i*each+j, each))
	}
	return n
}

func reservation(n, each int) dhcp4.Reservation {
	return dhcp4.Reservation{
		HardwareAddr: hardwareAddr(n),
		Addr:         addr(n/each, n%each+1),
		Hostname:     fmt.Sprintf("host%d", n),
	}
}

func addr(subnet, host int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(subnet >> 8), byte(subnet), byte(host)})
}

func hardwareAddr(n int) lease.HardwareAddr {
	h, _ := lease.HardwareAddrFrom(binary.BigEndian.AppendUint64(nil, 2<<40|uint64(n))[2:])
	return h
}

// A server answers renewals.
type server struct {
	srv    *dhcp4.Server
	packet dhcp4.Packet
	reply  []byte
}

func newServer(c dhcp4.Config) (*server, error) {
	srv, err := dhcp4.NewServer(c)
	if err != nil {
		return nil, err
	}
	m := dhcp4.Message{
		Op: dhcp4.OpRequest, HType: dhcp4.HTypeEthernet, HardwareAddr: hardwareAddr(0),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeRequest)),
			option.DHCPParameterRequestList.New(1, 3, 6, 12, 15, 51),
		},
	}
	data, err := m.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	link := &dhcp4.Link{Name: "eth0", Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}
	local := netip.MustParseAddrPort("192.0.2.1:67")
	return &server{srv: srv, packet: dhcp4.Packet{Data: data, Link: link, Local: local}}, nil
}

// renew renews the lease of client n, through the relay agent of its subnet.
func (s *server) renew(n, each int) error {
	const ciaddr, giaddr, chaddr = 12, 24, 28
	want, relay := addr(n/each, n%each+1).As4(), addr(n/each, 254)
	gi := relay.As4()
	copy(s.packet.Data[ciaddr:], want[:])
	copy(s.packet.Data[giaddr:], gi[:])
	binary.BigEndian.PutUint64(s.packet.Data[chaddr-2:], 2<<40|uint64(n)|uint64(gi[2])<<56|uint64(gi[3])<<48)
	s.packet.Peer = netip.AddrPortFrom(relay, 67)
	out, err := s.srv.Respond(context.Background(), s.packet, s.reply)
	if len(out.Data) == 0 {
		return fmt.Errorf("client %d: %w", n, err)
	}
	s.reply = out.Data
	if got := [4]byte(out.Data[16:20]); got != want {
		return fmt.Errorf("client %d got %v, want %v", n, got, want)
	}
	return nil
}
