package main

import (
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/embedhcp/embedhcp/option"
)

// TestGopacketReadsWhatWeOverload writes random messages for small receivers:
// what gopacket finds in the three fields, joined, is what the message says
// but for the options that are said to be omitted.
func TestGopacketReadsWhatWeOverload(t *testing.T) {
	r := newRandom(t)
	overloaded, whole := 0, 0
	for i := range randomPackets {
		m := randomMessage(r)
		limit := 300 + r.IntN(400)
		packet, omitted, err := m.AppendBinaryLimit(nil, limit, nil)
		if err != nil {
			continue // a payload that must not be left out is too long
		}
		var d layers.DHCPv4
		if err := d.DecodeFromBytes(packet, gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("packet %d: %v in % x", i, err, packet)
		}
		got := payloads{}
		for _, o := range d.Options {
			switch c := option.Code(o.Type); {
			case o.Type == layers.DHCPOptPad:
			case c == option.DHCPOptionOverload.Code:
				overloaded++
			case got[c] == nil:
				got[c] = []string{string(o.Data)}
			default:
				got[c][0] += string(o.Data)
			}
		}
		for _, o := range m.Options {
			if p, ok := got[o.Code]; ok && p[0] == string(o.Data) {
				delete(got, o.Code)
			} else if ok {
				t.Fatalf("packet %d: %v is %x, want %x in % x", i, o.Code, p[0], o.Data, packet)
			} else {
				omitted--
			}
		}
		if len(got) > 0 || omitted != 0 || len(packet) > limit {
			t.Fatalf("packet %d, limit %d, has %d octets; not in the message: %x; said too many omitted by %d: % x",
				i, limit, len(packet), got, omitted, packet)
		}
		whole++
	}
	if whole < randomPackets/4 || overloaded < randomPackets/20 {
		t.Errorf("only %d packets of %d could be written, %d of them with overloaded fields", whole, randomPackets, overloaded)
	}
	t.Logf("%d packets, %d of them with overloaded fields", whole, overloaded)
}
