package dhcp4_test

import (
	"fmt"
	"net/netip"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

func ExampleMessage_AppendBinary() {
	m := dhcp4.Message{
		Op:           dhcp4.OpRequest,
		HType:        dhcp4.HTypeEthernet,
		XID:          0x68d21e44,
		Flags:        dhcp4.FlagBroadcast,
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		Options: option.Options{
			{Code: 53, Data: []byte{byte(dhcp4.TypeDiscover)}},
			{Code: 12, Data: []byte("laptop")},
		},
	}
	packet, err := m.AppendBinary(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(packet), "octets")
	// Output: 300 octets
}

func ExampleMessage_Unmarshal() {
	var m dhcp4.Message // to be reused for the next packet
	if err := m.Unmarshal(offerPacket()); err != nil {
		fmt.Println(err)
		return
	}
	name, ok := m.Options.Lookup(12)
	fmt.Println(m.Type(), m.YIAddr, ok, string(name))

	// A damaged packet is refused with the reason.
	fmt.Println(m.Unmarshal([]byte("hello")))
	// Output:
	// Offer 192.168.1.20 true web-server
	// dhcp4: parse message: message ends within the fixed header at offset 5
}

func ExampleMessage_String() {
	var m dhcp4.Message
	if err := m.Unmarshal(offerPacket()); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(&m)
	// Output: BOOTP/DHCP, Reply, length 300, xid 0x68d21e44, Flags [none], Your-IP 192.168.1.20, Client-Ethernet-Address 00:0c:29:aa:bb:cc, DHCP-Message Offer, Server-ID 192.168.1.1, Lease-Time 43200, Hostname "web-server"
}

func ExampleParseFrame() {
	reply := dhcp4.Packet{
		Data:  offerPacket(),
		Link:  &dhcp4.Link{HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01")},
		Local: netip.MustParseAddrPort("192.168.1.1:67"),
		Peer:  netip.MustParseAddrPort("192.168.1.20:68"),
	}
	frame, err := dhcp4.AppendFrame(nil, reply)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, ok := dhcp4.ParseFrame(frame)
	fmt.Println(ok, p.HardwareAddr, p.Peer, "to", p.Local, len(p.Data), "octets")
	// Output: true 02:00:00:00:00:01 192.168.1.1:67 to 192.168.1.20:68 300 octets
}

func offerPacket() []byte {
	m := dhcp4.Message{
		Op: dhcp4.OpReply, HType: dhcp4.HTypeEthernet, XID: 0x68d21e44,
		YIAddr:       netip.MustParseAddr("192.168.1.20"),
		HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"),
		Options: option.Options{
			{Code: 53, Data: []byte{byte(dhcp4.TypeOffer)}},
			{Code: 54, Data: []byte{192, 168, 1, 1}},
			{Code: 51, Data: []byte{0, 0, 0xa8, 0xc0}},
			{Code: 12, Data: []byte("web-server")},
		},
	}
	packet, err := m.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	return packet
}
