package dhcp4test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
)

func FuzzTrailer(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(make([]byte, trailerLen-1))
	f.Add(appendTrailer([]byte("payload"), netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67")))
	f.Fuzz(func(t *testing.T, b []byte) {
		data, from, to, ok := splitTrailer(b)
		if ok != (len(b) >= trailerLen) {
			t.Fatalf("ok = %v for %d octets", ok, len(b))
		}
		if !ok {
			return
		}
		if again := appendTrailer(bytes.Clone(data), from, to); !bytes.Equal(again, b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

func TestLoopbackHearsNobodyElse(t *testing.T) {
	server, client, err := Loopback()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	defer client.Close()
	stranger, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(client.(*loopbackConn).other))
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	source, to := netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67")
	if _, err := stranger.Write(appendTrailer([]byte("stranger"), source, to)); err != nil {
		t.Fatal(err)
	}
	// Nor what has no trailer.
	c := client.(*loopbackConn)
	if _, err := c.conn.WriteToUDPAddrPort([]byte("short"), c.other); err != nil {
		t.Fatal(err)
	}
	if _, err := client.WriteBatch([]dhcp4.Packet{{Peer: to, Data: []byte("client")}}); err != nil {
		t.Fatal(err)
	}
	ps := []dhcp4.Packet{{Data: make([]byte, 64)}}
	if _, err := server.ReadBatch(ps); err != nil {
		t.Fatal(err)
	}
	if got := string(ps[0].Data); got != "client" {
		t.Errorf("the server read %q, want %q", got, "client")
	}
}
