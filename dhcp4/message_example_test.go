package dhcp4_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

// Build a DISCOVER as a client sends it.
func ExampleMessage_AppendBinary() {
	mac := lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc")
	m := dhcp4.Message{
		Op:           dhcp4.OpRequest,
		HType:        dhcp4.HTypeEthernet,
		XID:          0x68d21e44,
		Flags:        dhcp4.FlagBroadcast,
		HardwareAddr: mac,
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeDiscover)),
			option.HostName.New("laptop"),
			option.DHCPParameterRequestList.New(1, 3, 6, 15),
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

// What does not fit goes into the file and sname fields, if they are empty,
// or is left out.
func ExampleMessage_AppendBinaryLimit() {
	m := dhcp4.Message{
		Op:    dhcp4.OpReply,
		HType: dhcp4.HTypeEthernet,
		File:  []byte("pxelinux.0"),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeOffer)),
			option.DomainName.New("lab.example.com"),
			{Code: 224, Data: make([]byte, 250)},
			{Code: 225, Data: make([]byte, 100)},
		},
	}
	asked := []byte{15, 224} // the client's option 55
	packet, omitted, err := m.AppendBinaryLimit(nil, 576-28, asked)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(packet), "octets,", omitted, "option left out")
	// Output: 513 octets, 1 option left out
}

// Read the packets of a capture, a pcap file of Ethernet frames.
func ExampleParseFrame_capture() {
	capture, err := os.ReadFile("testdata/clients-own.pcap")
	if err != nil {
		fmt.Println(err)
		return
	}
	var m dhcp4.Message
	const fileHeader, recordHeader = 24, 16
	for rest := capture[fileHeader:]; len(rest) > recordHeader; {
		size := binary.LittleEndian.Uint32(rest[8:])
		frame := rest[recordHeader : recordHeader+size]
		rest = rest[recordHeader+size:]

		p, ok := dhcp4.ParseFrame(frame)
		if !ok || m.Unmarshal(p.Data) != nil || m.Type() != dhcp4.TypeDiscover {
			continue
		}
		name, ok, err := option.HostName.Get(m.Options) // absent: ok is false; malformed: err
		fmt.Printf("%v asks; host name %q, %v, %v\n", p.HardwareAddr, name, ok, err)
	}
	// Output:
	// 02:00:00:00:12:01 asks; host name "vm", true, <nil>
	// 02:00:00:00:12:01 asks; host name "", false, <nil>
	// 02:00:00:00:12:01 asks; host name "", false, <nil>
	// 02:00:00:00:12:01 asks; host name "vm", true, <nil>
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

func ExampleMessage_AppendLines() {
	var m dhcp4.Message
	if err := m.Unmarshal(offerPacket()); err != nil {
		fmt.Println(err)
		return
	}
	os.Stdout.Write(m.AppendLines(nil))
	// Output:
	// BOOTP/DHCP, Reply, length 300, xid 0x68d21e44, Flags [none]
	// 	Your-IP 192.168.1.20
	// 	Client-Ethernet-Address 00:0c:29:aa:bb:cc
	// 	dhcp-message-type (53), length 1: Offer
	// 	dhcp-server-identifier (54), length 4: 192.168.1.1
	// 	dhcp-lease-time (51), length 4: 43200
	// 	host-name (12), length 10: "web-server"
}

// Answer a tagged frame in its VLAN.
func ExampleAppendVLANTags() {
	request := taggedFrame()
	p, ok := dhcp4.ParseFrame(request)
	if !ok {
		fmt.Println("not UDP over IPv4")
		return
	}
	var room [2]dhcp4.VLANTag
	tags := dhcp4.AppendVLANTags(room[:0], request)
	reply, err := dhcp4.AppendFrame(nil, dhcp4.Packet{
		Data: offerPacket(), Local: p.Local, Peer: p.Peer, HardwareAddr: p.HardwareAddr,
	}, tags...)
	fmt.Println(tags[0].ID, len(reply), err)
	// Output: 100 346 <nil>
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

// taggedFrame is a request in VLAN 100.
func taggedFrame() []byte {
	frame, err := dhcp4.AppendFrame(nil, dhcp4.Packet{
		Local: netip.MustParseAddrPort("192.168.1.20:68"),
		Peer:  netip.MustParseAddrPort("192.168.1.1:67"),
	}, dhcp4.VLANTag{ID: 100})
	if err != nil {
		panic(err)
	}
	return frame
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
