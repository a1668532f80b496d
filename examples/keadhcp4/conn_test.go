package main

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// batches is a Conn that reads the batches it is given.
type batches struct {
	dhcp4.Conn
	in   [][]dhcp4.Packet
	sent []dhcp4.Packet
}

func (b *batches) ReadBatch(ps []dhcp4.Packet) (int, error) {
	n := copy(ps, b.in[0])
	b.in = b.in[1:]
	return n, nil
}

func (b *batches) WriteBatch(ps []dhcp4.Packet) (int, error) {
	b.sent = append(b.sent, ps...)
	return len(ps), nil
}

func TestInterfaceWithAnAddressIsServedThereOnly(t *testing.T) {
	to := func(data, addr string, l *dhcp4.Link) dhcp4.Packet {
		return dhcp4.Packet{Data: []byte(data), Link: l, Local: netip.AddrPortFrom(netip.MustParseAddr(addr), 67)}
	}
	link := &dhcp4.Link{Name: "ens33", Index: 7, Addrs: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("198.51.100.1/24"), netip.MustParsePrefix("203.0.113.1/24"),
	}}
	in := &batches{in: [][]dhcp4.Packet{
		{to("none", "198.51.100.1", link)},
		{to("no", "198.51.100.1", link), to("all", "255.255.255.255", link), to("no", "169.254.1.1", link), to("one", "192.0.2.1", link)},
		{to("two", "203.0.113.1", link)},
	}}
	c := newAddrConn(in, "192.0.2.1 203.0.113.1")
	var got []string
	var links []*dhcp4.Link
	for range 2 {
		ps := make([]dhcp4.Packet, 8)
		n, err := c.ReadBatch(ps)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps[:n] {
			got = append(got, string(p.Data))
			links = append(links, p.Link)
		}
	}
	if diff := cmp.Diff([]string{"all", "one", "two"}, got); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
	for _, l := range links {
		if l != links[0] || l.Index != 7 || len(l.Addrs) != 2 || l.Addrs[0] != link.Addrs[0] || l.Addrs[1] != link.Addrs[2] {
			t.Errorf("link %v", l)
		}
	}
	if len(link.Addrs) != 3 {
		t.Error("the link itself was changed")
	}
}

func TestClientPortIsThatOfAllReplies(t *testing.T) {
	out := &batches{}
	c := portConn{out, 1068}
	if n, err := c.WriteBatch([]dhcp4.Packet{
		{Peer: netip.MustParseAddrPort("192.0.2.5:68")}, {Peer: netip.MustParseAddrPort("192.0.2.9:67")},
	}); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	for i, want := range []string{"192.0.2.5:1068", "192.0.2.9:1068"} {
		if got := out.sent[i].Peer.String(); got != want {
			t.Errorf("to %s, want %s", got, want)
		}
	}
}
