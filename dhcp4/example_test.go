package dhcp4_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// A small network: a pool, what its clients are told, and a web server that
// always gets the same address.
func ExampleNewServer() {
	router := netip.MustParseAddr("192.168.1.1")
	srv, err := dhcp4.NewServer(dhcp4.Config{
		Lifetime: 12 * time.Hour,
		Subnets: []dhcp4.Subnet{{
			ID:     1,
			Prefix: netip.MustParsePrefix("192.168.1.0/24"),
			Pools:  []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
			Options: option.Options{
				option.Routers.New(router),
				option.DomainNameServers.New(netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("8.8.8.8")),
				option.DomainName.New("lab.example.com"),
			},
			Reservations: []dhcp4.Reservation{{
				HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
				Addr:         netip.MustParseAddr("192.168.1.20"),
				Hostname:     "web-server",
			}},
		}},
	})
	if err != nil {
		log.Fatal(err) // every mistake, a line each
	}
	defer srv.Close()

	free, total := srv.PoolCounts(1)
	fmt.Println(free, "of", total, "addresses are free")
	// Output: 101 of 101 addresses are free
}

// One packet in, one packet out: no socket and no goroutine.
func ExampleServer_Respond() {
	srv, err := dhcp4.NewServer(dhcp4.Config{Subnets: []dhcp4.Subnet{{
		ID:     1,
		Prefix: netip.MustParsePrefix("192.168.1.0/24"),
		Pools:  []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
	}}})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	discover := dhcp4.Message{
		Op:           dhcp4.OpRequest,
		HType:        dhcp4.HTypeEthernet,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:11:22:33"),
		Options:      option.Options{option.DHCPMessageType.New(uint8(dhcp4.TypeDiscover))},
	}
	data, err := discover.AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}
	in := dhcp4.Packet{
		Data: data,
		Link: &dhcp4.Link{Name: "tap0", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}},
	}

	out, err := srv.Respond(context.Background(), in, nil)
	if len(out.Data) == 0 {
		log.Fatal("no answer: ", err)
	}
	var offer dhcp4.Message
	if err := offer.Unmarshal(out.Data); err != nil {
		log.Fatal(err)
	}
	fmt.Println(offer.Type(), offer.YIAddr, "to", out.Peer, "at", out.HardwareAddr)
	// Output: Offer 192.168.1.100 to 192.168.1.100:68 at 00:0c:29:11:22:33
}

// Serving two interfaces until the program has something else to do.
func ExampleServer_ListenAndServe() {
	var srv *dhcp4.Server // from NewServer

	go func() {
		if err := srv.ListenAndServe(context.Background(), "eth0", "eth1"); !errors.Is(err, dhcp4.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	// ...
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil { // lets what has begun come to its end
		log.Fatal(err)
	}
}

// Telling what becomes of leases.
func ExampleServer_Events() {
	srv, in := exampleRequest() // a Server, and a REQUEST for 192.168.1.150
	events := srv.Events(context.Background())

	if _, err := srv.Respond(context.Background(), in, nil); err != nil {
		log.Fatal(err)
	}
	srv.Close()
	for e := range events {
		fmt.Println(e.Seq, e.Kind, e.New.Addr, e.New.HardwareAddr)
	}
	// Output: 1 allocated 192.168.1.150 00:0c:29:11:22:33
}

func exampleRequest() (*dhcp4.Server, dhcp4.Packet) {
	srv, err := dhcp4.NewServer(testConfig())
	if err != nil {
		log.Fatal(err)
	}
	data, err := message(dhcp4.TypeRequest, option.DHCPServerIdentifier.New(serverID),
		option.DHCPRequestedAddress.New(netip.MustParseAddr("192.168.1.150"))).AppendBinary(nil)
	if err != nil {
		log.Fatal(err)
	}
	return srv, dhcp4.Packet{Data: data, Link: testLink}
}

// A list of all that is wrong.
func ExampleConfigError() {
	_, err := dhcp4.NewServer(dhcp4.Config{Subnets: []dhcp4.Subnet{{
		Prefix:  netip.MustParsePrefix("192.168.1.0/24"),
		Pools:   []dhcp4.Pool{{Range: pool.MustParseRange("192.168.2.100-192.168.2.200")}},
		Options: option.Options{option.DomainName.New("")},
	}}})
	var mistakes *dhcp4.ConfigError
	if errors.As(err, &mistakes) {
		for _, m := range mistakes.Problems {
			fmt.Println(m.Path, "-", m.Err)
		}
	}
	// Output:
	// Subnets[0].ID - must not be zero
	// Subnets[0].Options[0] - domain-name (15): is empty
	// Subnets[0].Pools[0].Range - 192.168.2.100-192.168.2.200 is not inside the subnet 192.168.1.0/24
}

// A virtual machine has a link of its own, and its one address was chosen
// elsewhere. Whatever it is told goes out unasked.
func Example_virtualMachine() {
	gateway := netip.MustParseAddr("10.0.2.1")
	srv, err := dhcp4.NewServer(dhcp4.Config{ServerID: gateway, Lifetime: lease.Infinite, Subnets: []dhcp4.Subnet{{
		ID: 1, Interface: "k6t-eth0", Prefix: netip.MustParsePrefix("10.0.2.0/24"),
		Options: option.Options{
			option.Routers.New(gateway),
			option.DomainNameServers.New(netip.MustParseAddr("10.96.0.10")),
			option.Always(option.DomainSearch.New("default.svc.cluster.local", "cluster.local")),
			option.Always(option.InterfaceMTU.New(1480)),
		},
		Reservations: []dhcp4.Reservation{{AnyClient: true, Stateless: true, Addr: netip.MustParseAddr("10.0.2.2"), Hostname: "vm1"}},
	}}})
	ask(srv, err, "k6t-eth0", "10.0.2.2", "10.0.2.3")
	// Output:
	// SELECTING 10.0.2.2: ACK, 10.0.2.3: NACK
	// INIT-REBOOT 10.0.2.2: ACK, 10.0.2.3: NACK
	// RENEWING 10.0.2.2: ACK, 10.0.2.3: NACK
}

// The machines are in an inventory, here a map. Of others the server knows
// nothing, and is silent.
func Example_inventory() {
	inventory := map[lease.HardwareAddr]*dhcp4.Reservation{
		testMAC: {Stateless: true, Addr: netip.MustParseAddr("10.1.0.7"), Hostname: "node-7", Boot: dhcp4.Boot{File: "ipxe.efi"}},
	}
	srv, err := dhcp4.NewServer(dhcp4.Config{
		ServerID: netip.MustParseAddr("10.1.0.1"),
		Subnets:  []dhcp4.Subnet{{ID: 1, Interface: "eth0", Prefix: netip.MustParsePrefix("10.1.0.0/24")}},
		Hosts: dhcp4.HostFinderFunc(func(_ context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
			if r := inventory[x.Request.HardwareAddr]; r != nil {
				return r, nil
			}
			return nil, dhcp4.ErrIgnore
		}),
	})
	ask(srv, err, "eth0", "10.1.0.7", "10.1.0.8")
	// Output:
	// SELECTING 10.1.0.7: ACK, 10.1.0.8: NACK
	// INIT-REBOOT 10.1.0.7: ACK, 10.1.0.8: NACK
	// RENEWING 10.1.0.7: ACK, 10.1.0.8: NACK
}

// ask prints what a client that asks for each of the addresses in each of its
// states is told.
func ask(srv *dhcp4.Server, err error, link string, addrs ...string) {
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	for _, state := range []string{"SELECTING", "INIT-REBOOT", "RENEWING"} {
		for i, text := range addrs {
			addr := netip.MustParseAddr(text)
			m := message(dhcp4.TypeRequest)
			switch state {
			case "SELECTING":
				srvID := addr.As4()
				srvID[3] = 1
				m.Options = append(m.Options, option.DHCPServerIdentifier.New(netip.AddrFrom4(srvID)), option.DHCPRequestedAddress.New(addr))
			case "INIT-REBOOT":
				m.Options = append(m.Options, option.DHCPRequestedAddress.New(addr))
			case "RENEWING":
				m.CIAddr = addr
			}
			data, err := m.AppendBinary(nil)
			if err != nil {
				log.Fatal(err)
			}
			out, err := srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: &dhcp4.Link{Name: link}}, nil)
			if len(out.Data) == 0 {
				log.Fatal(err)
			}
			var r dhcp4.Message
			if err := r.Unmarshal(out.Data); err != nil {
				log.Fatal(err)
			}
			fmt.Print([]string{state + " ", ", "}[i], addr, ": ", r.Type())
		}
		fmt.Println()
	}
}

// An appliance is its clients' router and name server, under whatever address
// its link has when they ask.
func ExampleConfig_appliance() {
	srv, err := dhcp4.NewServer(dhcp4.Config{
		Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("192.168.8.0/24"),
			Pools: []dhcp4.Pool{{Range: pool.MustParseRange("192.168.8.100-192.168.8.200")}},
		}},
		OptionsFunc: func(x *dhcp4.Exchange) option.Options {
			return option.Options{option.Routers.New(x.ServerID()), option.DomainNameServers.New(x.ServerID())}
		},
	})
	if err != nil {
		panic(err)
	}
	defer srv.Close()
	discover, err := (&dhcp4.Message{
		Op:           dhcp4.OpRequest,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:11:22:33"),
		Options:      option.Options{option.DHCPMessageType.New(uint8(dhcp4.TypeDiscover))},
	}).AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	out, err := srv.Respond(context.Background(), dhcp4.Packet{
		Data: discover,
		Link: &dhcp4.Link{Name: "br-lan", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.8.1/24")}},
	}, nil)
	if err != nil {
		panic(err)
	}
	var offer dhcp4.Message
	if err := offer.Unmarshal(out.Data); err != nil {
		panic(err)
	}
	routers, _, _ := option.Routers.Get(offer.Options)
	servers, _, _ := option.DomainNameServers.Get(offer.Options)
	fmt.Println(routers, servers)
	// Output: [192.168.8.1] [192.168.8.1]
}

// A HostFinder on top of whatever knows the machines.
func ExampleHostFinder() {
	var _ dhcp4.HostFinder = ipam{}
	srv, err := dhcp4.NewServer(dhcp4.Config{
		Subnets: []dhcp4.Subnet{{ID: 1, Prefix: netip.MustParsePrefix("10.1.0.0/16")}},
		Hosts:   ipam{},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
}

// ipam stands for a client of an address management system.
type ipam struct{}

func (ipam) lookUp(ctx context.Context, mac string) (addr netip.Addr, known bool, err error) {
	return netip.MustParseAddr("10.1.0.9"), true, nil
}

// FindHost asks the system; it may be slow, and then only this client waits.
func (i ipam) FindHost(ctx context.Context, x *dhcp4.Exchange) (*dhcp4.Reservation, error) {
	addr, known, err := i.lookUp(ctx, x.Request.HardwareAddr.String())
	switch {
	case err != nil:
		return nil, err // no answer; the client asks again
	case !known:
		return nil, dhcp4.ErrIgnore // or nil, nil: go on with the pools
	}
	return &dhcp4.Reservation{Addr: addr, Stateless: true, Reuse: 10 * time.Second}, nil
}
