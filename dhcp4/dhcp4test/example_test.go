package dhcp4test_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
	"github.com/embedhcp/embedhcp/lease"
)

// A server may be any code that reads from its Conn; usually it is
// dhcp4.Server.Serve.
func ExampleNetwork() {
	n := dhcp4test.NewNetwork(nil)
	defer n.Close()
	server := n.Server(&dhcp4.Link{Name: "lan", Addrs: []netip.Prefix{netip.MustParsePrefix("192.168.1.1/24")}})
	mac := lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc")
	client := n.Client("lan", mac)

	client.WriteBatch([]dhcp4.Packet{{Data: []byte("hello"), Peer: netip.MustParseAddrPort("255.255.255.255:67")}})
	in := []dhcp4.Packet{{Data: make([]byte, 2048)}}
	server.ReadBatch(in)
	fmt.Printf("server on %s: %v > %v: %s\n", in[0].Link.Name, in[0].Peer, in[0].Local, in[0].Data)

	// The client does not have the address yet, so its hardware address must
	// lead there.
	server.WriteBatch([]dhcp4.Packet{{Data: []byte("welcome"), Peer: netip.MustParseAddrPort("192.168.1.100:68"), HardwareAddr: mac}})
	client.ReadBatch(in)
	fmt.Printf("client on %s: %v > %v: %s\n", in[0].Link.Name, in[0].Peer, in[0].Local, in[0].Data)
	// Output:
	// server on lan: 0.0.0.0:68 > 255.255.255.255:67: hello
	// client on lan: 192.168.1.1:67 > 192.168.1.100:68: welcome
}

// Faults are the same in every run with the same seed.
func ExampleNetworkOptions() {
	n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{
		Seed:     1,
		ToServer: dhcp4test.Faults{Loss: 0.5},
	})
	defer n.Close()
	n.Server(&dhcp4.Link{Name: "lan"})
	client := n.Client("lan", lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"))
	for range 100 {
		client.WriteBatch([]dhcp4.Packet{{Peer: netip.MustParseAddrPort("255.255.255.255:67")}})
	}
	fmt.Println(n.Stats().Lost > 30, n.Stats().Lost < 70)
	// Output: true true
}

// A test for silence: nobody answers on this network.
func ExampleClient() {
	n := dhcp4test.NewNetwork(nil)
	defer n.Close()
	mac := lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc")
	c := &dhcp4test.Client{
		Conn:         n.Client("lan", mac),
		HardwareAddr: mac,
		Hostname:     "web-server",
		Timeout:      time.Millisecond,
		Attempts:     2,
		Trace: func(sent bool, p dhcp4.Packet, m *dhcp4.Message) {
			fmt.Println(sent, p.Peer, m.Type())
		},
	}
	_, err := c.Acquire(context.Background())
	fmt.Println(errors.Is(err, dhcp4test.ErrTimeout))
	// Output:
	// true 255.255.255.255:67 Discover
	// true 255.255.255.255:67 Discover
	// true
}

func ExampleLoopback() {
	server, client, err := dhcp4test.Loopback()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	defer client.Close()
	c := &dhcp4test.Client{Conn: client, HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc")}
	if err := c.Send(c.NewMessage(dhcp4.TypeDiscover), netip.AddrPort{}); err != nil {
		fmt.Println(err)
		return
	}
	in := []dhcp4.Packet{{Data: make([]byte, 2048)}}
	if _, err := server.ReadBatch(in); err != nil {
		fmt.Println(err)
		return
	}
	var m dhcp4.Message
	if err := m.Unmarshal(in[0].Data); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(in[0].Link.Name, in[0].Peer, in[0].Local, m.Type(), m.HardwareAddr)
	// Output: loopback 0.0.0.0:68 255.255.255.255:67 Discover 00:0c:29:aa:bb:cc
}
