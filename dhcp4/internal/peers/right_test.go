package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// TestWeAreRightWhereAPeerIsNot holds what tool authors trip over with other
// codecs. Ours must be right; what a peer does is only logged, it may learn.
func TestWeAreRightWhereAPeerIsNot(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong func(codec) error
	}{
		{"options in an overloaded field are read (RFC 2131, section 4.1)", func(c codec) error {
			return wantOption(c.read, overloaded(), 67, "pxelinux.0")
		}},
		{"an overloaded message that is written again says the same", func(c codec) error {
			return wantRewritten(c, overloaded(), func(m *dhcp4.Message) error {
				return wantPayload(m, 67, "pxelinux.0")
			})
		}},
		{"the parts of an option are one option (RFC 3396)", func(c codec) error {
			return wantOption(c.read, packet("\x0c\x04host\x35\x01\x01\x0c\x02-1\xff"), 12, "host-1")
		}},
		{"an option of 300 octets is written in parts (RFC 3396)", func(c codec) error {
			long := slices.Repeat([]byte("0123456789"), 30)
			p, err := c.writeOption(43, long)
			if err != nil {
				return err
			}
			return wantOption(ours.read, p, 43, string(long))
		}},
		{"options are written in the order in which they were read", func(c codec) error {
			return wantRewritten(c, packet("\x35\x01\x01\x0c\x01h\x03\x00\xff"), func(m *dhcp4.Message) error {
				var codes []option.Code
				for _, o := range m.Options {
					codes = append(codes, o.Code)
				}
				if !slices.Equal(codes, []option.Code{53, 12, 3}) {
					return fmt.Errorf("order %d", codes)
				}
				return nil
			})
		}},
		{"a message without End is read", func(c codec) error {
			return wantOption(c.read, packet("\x35\x01\x01"), 53, "\x01")
		}},
		{"a message whose last option is cut off is read", func(c codec) error {
			return wantOption(c.read, packet("\x35\x01\x01\x0c\x09h"), 53, "\x01")
		}},
		{"a full sname field is written again in full", func(c codec) error {
			p := packet("\x35\x01\x05\xff")
			copy(p[44:108], strings.Repeat("s", 64))
			return wantRewritten(c, p, func(m *dhcp4.Message) error {
				if len(m.SName) != 64 {
					return fmt.Errorf("sname has %d octets", len(m.SName))
				}
				return nil
			})
		}},
		{"a message has at least 300 octets (RFC 1542, section 2.1)", func(c codec) error {
			p, err := c.rewrite(packet("\x35\x01\x01\xff"))
			if err == nil && len(p) < 300 {
				err = fmt.Errorf("%d octets", len(p))
			}
			return err
		}},
		{"a malformed option is not an absent one", func(c codec) error {
			if c.nameServers(packet("\xff")) == c.nameServers(packet("\x06\x03\x08\x08\x08\xff")) {
				return errors.New("both look the same")
			}
			return nil
		}},
		{"a yiaddr that is not IPv4 is an error", func(c codec) error {
			if c.writeYIAddr(netip.IPv6Loopback()) == nil {
				return errors.New("no error")
			}
			return nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.wrong(ours); err != nil {
				t.Error(err)
			}
			for _, peer := range []codec{theirs, gopackets} {
				t.Logf("%s: %s", peer.name, verdict(func() error { return c.wrong(peer) }))
			}
		})
	}
}

// verdict says in a few words what is wrong, or "right".
func verdict(wrong func() error) (said string) {
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprintf("panics: %v", r)
		}
	}()
	if err := wrong(); err != nil {
		return err.Error()
	}
	return "right"
}

// A codec is what a tool needs of one.
type codec struct {
	name        string
	read        func(p []byte) (payloads, error)
	rewrite     func(p []byte) ([]byte, error)
	writeOption func(c option.Code, data []byte) ([]byte, error)
	writeYIAddr func(netip.Addr) error
	nameServers func(p []byte) string // what the caller learns about option 6
}

// payloads are the options of a message, under each code one payload or, if
// the codec leaves the joining to the caller, several.
type payloads map[option.Code][]string

var ours = codec{
	name: "ours",
	read: func(p []byte) (payloads, error) {
		var m dhcp4.Message
		err := m.Unmarshal(p)
		got := payloads{}
		for _, o := range m.Options {
			got[o.Code] = append(got[o.Code], string(o.Data))
		}
		return got, err
	},
	rewrite: func(p []byte) ([]byte, error) {
		var m dhcp4.Message
		if err := m.Unmarshal(p); err != nil {
			return nil, err
		}
		return m.AppendBinary(nil)
	},
	writeOption: func(c option.Code, data []byte) ([]byte, error) {
		return (&dhcp4.Message{Options: option.Options{{Code: c, Data: data}}}).AppendBinary(nil)
	},
	writeYIAddr: func(a netip.Addr) error {
		_, err := (&dhcp4.Message{YIAddr: a}).AppendBinary(nil)
		return err
	},
	nameServers: func(p []byte) string {
		var m dhcp4.Message
		if err := m.Unmarshal(p); err != nil {
			return err.Error()
		}
		servers, ok, err := option.DomainNameServers.Get(m.Options)
		return fmt.Sprint(servers, ok, err)
	},
}

var theirs = codec{
	name: insomniacslk,
	read: func(p []byte) (payloads, error) {
		d, err := dhcpv4.FromBytes(p)
		if err != nil {
			return nil, err
		}
		got := payloads{}
		for c, data := range d.Options {
			got[option.Code(c)] = []string{string(data)}
		}
		return got, nil
	},
	rewrite: func(p []byte) ([]byte, error) {
		d, err := dhcpv4.FromBytes(p)
		if err != nil {
			return nil, err
		}
		return d.ToBytes(), nil
	},
	writeOption: func(c option.Code, data []byte) ([]byte, error) {
		d, err := dhcpv4.New(dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(c), data))
		if err != nil {
			return nil, err
		}
		return d.ToBytes(), nil
	},
	writeYIAddr: func(a netip.Addr) error {
		d, err := dhcpv4.New(dhcpv4.WithYourIP(asIP(a)))
		if err == nil {
			d.ToBytes()
		}
		return err
	},
	nameServers: func(p []byte) string {
		d, err := dhcpv4.FromBytes(p)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(d.DNS())
	},
}

var gopackets = codec{
	name: "gopacket",
	read: func(p []byte) (payloads, error) {
		var d layers.DHCPv4
		err := d.DecodeFromBytes(p, gopacket.NilDecodeFeedback)
		got := payloads{}
		for _, o := range d.Options {
			got[option.Code(o.Type)] = append(got[option.Code(o.Type)], string(o.Data))
		}
		return got, err
	},
	rewrite: func(p []byte) ([]byte, error) {
		var d layers.DHCPv4
		if err := d.DecodeFromBytes(p, gopacket.NilDecodeFeedback); err != nil {
			return nil, err
		}
		return gopacketWrites(&d)
	},
	writeOption: func(c option.Code, data []byte) ([]byte, error) {
		return gopacketWrites(&layers.DHCPv4{Options: layers.DHCPOptions{layers.NewDHCPOption(layers.DHCPOpt(c), data)}})
	},
	writeYIAddr: func(a netip.Addr) error {
		_, err := gopacketWrites(&layers.DHCPv4{YourClientIP: asIP(a)})
		return err
	},
	nameServers: func([]byte) string { return "it knows no types of values" },
}

func gopacketWrites(d *layers.DHCPv4) ([]byte, error) {
	b := gopacket.NewSerializeBuffer()
	err := d.SerializeTo(b, gopacket.SerializeOptions{FixLengths: true})
	return b.Bytes(), err
}

// packet returns a message with these octets in the options field.
func packet(options string) []byte {
	p := make([]byte, 240)
	p[0], p[1], p[2] = 1, 1, 6
	copy(p[236:], "\x63\x82\x53\x63")
	return append(p, options...)
}

// overloaded returns a message with the lease time and the boot file name in
// the file field.
func overloaded() []byte {
	p := packet("\x35\x01\x05\x34\x01\x01\xff")
	copy(p[108:], "\x33\x04\x00\x00\x0e\x10\x43\x0apxelinux.0\xff")
	return p
}

// wantOption returns an error unless p holds the option with this payload.
func wantOption(read func([]byte) (payloads, error), p []byte, c option.Code, payload string) error {
	got, err := read(p)
	if err == nil && (len(got[c]) != 1 || got[c][0] != payload) {
		err = fmt.Errorf("%v is %.40q", c, got[c])
	}
	return err
}

func wantPayload(m *dhcp4.Message, c option.Code, payload string) error {
	if got, _ := m.Options.Lookup(c); string(got) != payload {
		return fmt.Errorf("%v is %.40q", c, got)
	}
	return nil
}

// wantRewritten returns what want says about p after c read and wrote it.
func wantRewritten(c codec, p []byte, want func(*dhcp4.Message) error) error {
	p, err := c.rewrite(p)
	if err != nil {
		return err
	}
	var m dhcp4.Message
	if err := m.Unmarshal(p); err != nil {
		return err
	}
	return want(&m)
}
