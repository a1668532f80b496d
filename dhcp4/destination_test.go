package dhcp4

import (
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

func TestDestination(t *testing.T) {
	const (
		mac   = "02:00:00:00:00:01"
		eight = "02:00:00:00:00:01:02:03"
	)
	type where struct {
		addr         string
		direct       bool // to the client's hardware address
		setBroadcast bool
	}
	tests := []struct {
		name           string
		request        MessageType
		giaddr, ciaddr string
		flags          uint16
		mac            string
		reply          MessageType
		yiaddr, source string
		want           where // no addr: nowhere
	}{
		// RFC 2131, section 4.1: "If the 'giaddr' field is non-zero".
		{"OFFER through a relay", TypeDiscover, "10.0.0.1", "", 0, mac, TypeOffer, "10.0.0.9", "10.0.0.1", where{"10.0.0.1:67", false, false}},
		{"OFFER through a relay, broadcast flag", TypeDiscover, "10.0.0.1", "", FlagBroadcast, mac, TypeOffer, "10.0.0.9", "10.0.0.1", where{"10.0.0.1:67", false, false}},
		{"OFFER through a relay, another source", TypeDiscover, "10.0.0.1", "", 0, mac, TypeOffer, "10.0.0.9", "10.7.0.1", where{"10.0.0.1:67", false, false}},
		{"ACK through a relay, ciaddr set", TypeRequest, "10.0.0.1", "10.0.0.9", 0, mac, TypeACK, "10.0.0.9", "10.0.0.1", where{"10.0.0.1:67", false, false}},
		// Section 4.3.2: the server sets the broadcast bit, so that the relay
		// broadcasts the NAK.
		{"NAK through a relay", TypeRequest, "10.0.0.1", "", 0, mac, TypeNAK, "", "10.0.0.1", where{"10.0.0.1:67", false, true}},
		{"NAK through a relay, ciaddr set", TypeRequest, "10.0.0.1", "10.0.0.9", 0, mac, TypeNAK, "", "10.0.0.1", where{"10.0.0.1:67", false, true}},
		// "If 'giaddr' is zero and 'ciaddr' is nonzero": to ciaddr.
		{"ACK to a renewal", TypeRequest, "", "10.0.0.9", 0, mac, TypeACK, "10.0.0.9", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		{"ACK to a renewal, broadcast flag", TypeRequest, "", "10.0.0.9", FlagBroadcast, mac, TypeACK, "10.0.0.9", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		{"OFFER to a client with an address", TypeDiscover, "", "10.0.0.9", 0, mac, TypeOffer, "10.0.0.7", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		// "If both are zero and the broadcast bit is set": to 255.255.255.255.
		{"OFFER, broadcast flag", TypeDiscover, "", "", FlagBroadcast, mac, TypeOffer, "10.0.0.9", "", where{"255.255.255.255:68", false, false}},
		{"ACK, broadcast flag", TypeRequest, "", "", FlagBroadcast, mac, TypeACK, "10.0.0.9", "", where{"255.255.255.255:68", false, false}},
		{"OFFER, other flags", TypeDiscover, "", "", 0x7fff, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		// "If the broadcast bit is not set": to yiaddr at the hardware address.
		{"OFFER", TypeDiscover, "", "", 0, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"ACK", TypeRequest, "", "", 0, mac, TypeACK, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"ACK, source given", TypeRequest, "", "", 0, mac, TypeACK, "10.0.0.9", "10.0.0.5", where{"10.0.0.9:68", true, false}},
		// "If unicasting is not possible": broadcast.
		{"OFFER without hardware address", TypeDiscover, "", "", 0, "", TypeOffer, "10.0.0.9", "", where{"255.255.255.255:68", false, false}},
		{"OFFER to eight octets", TypeDiscover, "", "", 0, eight, TypeOffer, "10.0.0.9", "", where{"255.255.255.255:68", false, false}},
		// "In all cases, when 'giaddr' is zero, the server broadcasts any
		// DHCPNAK messages".
		{"NAK", TypeRequest, "", "", 0, mac, TypeNAK, "", "", where{"255.255.255.255:68", false, false}},
		{"NAK to a renewal", TypeRequest, "", "10.0.0.9", 0, mac, TypeNAK, "", "10.0.0.9", where{"255.255.255.255:68", false, false}},
		// Section 4.3.5: to ciaddr.
		{"INFORM", TypeInform, "", "10.0.0.9", 0, mac, TypeACK, "", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		{"INFORM, broadcast flag", TypeInform, "", "10.0.0.9", FlagBroadcast, mac, TypeACK, "", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		{"INFORM through a relay", TypeInform, "10.0.0.1", "10.0.0.9", 0, mac, TypeACK, "", "10.0.0.1", where{"10.0.0.9:68", false, false}},
		{"INFORM through a relay without ciaddr", TypeInform, "10.0.0.1", "", 0, mac, TypeACK, "", "10.0.0.1", where{"10.0.0.1:67", false, true}},
		{"INFORM with a source only", TypeInform, "", "", 0, mac, TypeACK, "", "10.0.0.9", where{"10.0.0.9:68", false, false}},
		{"INFORM without anything", TypeInform, "", "", 0, mac, TypeACK, "", "", where{}},
		// What is no host's address is no destination.
		{"giaddr multicast", TypeDiscover, "224.0.0.1", "", 0, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"giaddr broadcast", TypeDiscover, "255.255.255.255", "", 0, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"ciaddr multicast", TypeDiscover, "", "224.0.0.1", 0, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"ciaddr broadcast", TypeDiscover, "", "255.255.255.255", 0, mac, TypeOffer, "10.0.0.9", "", where{"10.0.0.9:68", true, false}},
		{"INFORM, ciaddr and source broadcast", TypeInform, "", "255.255.255.255", 0, mac, TypeACK, "", "255.255.255.255", where{}},
		{"INFORM, ciaddr multicast", TypeInform, "", "224.0.0.1", 0, mac, TypeACK, "", "10.0.0.9", where{"10.0.0.9:68", false, false}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &Message{
				CIAddr: someAddr(tt.ciaddr), GIAddr: someAddr(tt.giaddr), Flags: tt.flags,
				HardwareAddr: lease.MustParseHardwareAddr(tt.mac),
				Options:      option.Options{option.DHCPMessageType.New(uint8(tt.request))},
			}
			d, ok := destinationOf(m, tt.reply, someAddr(tt.yiaddr), netip.AddrPortFrom(someAddr(tt.source), 1067))
			var got where
			if ok {
				got = where{d.addr.String(), d.hardwareAddr == m.HardwareAddr && !d.hardwareAddr.IsZero(), d.setBroadcast}
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// someAddr is what a decoded message has for no address: 0.0.0.0.
func someAddr(s string) netip.Addr {
	if s == "" {
		return netip.IPv4Unspecified()
	}
	return netip.MustParseAddr(s)
}
