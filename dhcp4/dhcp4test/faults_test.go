package dhcp4test_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/dhcp4test"
)

// exchangeOf sends 200 packets each way between a server and two clients, in
// an order that shuffle chooses, and returns what arrived at the first client
// and at the server from it.
func exchangeOf(t *testing.T, seed uint64, shuffle *rand.Rand) (atClient, atServer []string, stats dhcp4test.Stats) {
	synctest.Test(t, func(t *testing.T) {
		f := dhcp4test.Faults{Loss: 0.1, Duplicate: 0.1, Delay: 0.2}
		n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{Seed: seed, Latency: time.Millisecond, ToServer: f, ToClient: f})
		defer n.Close()
		s := n.Server(link("lan", "192.168.1.1/24"))
		c1, c2 := n.Client("lan", mac1), n.Client("lan", mac2)
		for i := range 200 {
			sends := []func(){
				func() {
					write(t, c1, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: fmt.Append(nil, i)})
				},
				func() { write(t, c2, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67")}) },
				func() {
					write(t, s, dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.9:68"), HardwareAddr: mac1, Data: fmt.Append(nil, i)})
				},
				func() {
					write(t, s, dhcp4.Packet{Peer: netip.MustParseAddrPort("192.168.1.9:68"), HardwareAddr: mac2})
				},
			}
			shuffle.Shuffle(len(sends), func(a, b int) { sends[a], sends[b] = sends[b], sends[a] })
			for _, send := range sends {
				send()
			}
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			atClient = append(atClient, payloads(read(t, c1))...)
			for _, p := range payloads(read(t, s)) {
				if p != "" {
					atServer = append(atServer, p)
				}
			}
			read(t, c2)
		}
		time.Sleep(time.Second)
		for _, c := range []dhcp4.Conn{c1, c2, s} {
			read(t, c)
		}
		stats = n.Stats()
	})
	return atClient, atServer, stats
}

func TestFaultsDependOnSeedAndPathOnly(t *testing.T) {
	client, server, stats := exchangeOf(t, 1, rand.New(rand.NewPCG(1, 1)))
	client2, server2, _ := exchangeOf(t, 1, rand.New(rand.NewPCG(2, 2)))
	if d := cmp.Diff(client, client2); d != "" {
		t.Errorf("the order of sending changed what the client got:\n%s", d)
	}
	if d := cmp.Diff(server, server2); d != "" {
		t.Errorf("the order of sending changed what the server got:\n%s", d)
	}
	if slices.Equal(client, server) {
		t.Error("both directions have the same faults")
	}
	if client3, _, _ := exchangeOf(t, 2, rand.New(rand.NewPCG(1, 1))); slices.Equal(client, client3) {
		t.Error("another seed has the same faults")
	}
	t.Logf("%+v", stats)
}

func TestFaultsHaveTheirProbabilitiesAndNoPacketIsMissing(t *testing.T) {
	for seed := range uint64(20) {
		_, _, s := exchangeOf(t, seed, rand.New(rand.NewPCG(seed, 0)))
		if s.Sent != 800 || s.Sent+s.Duplicated != s.Delivered+s.Lost {
			t.Errorf("seed %d: %+v: packets are missing", seed, s)
		}
		// Five standard deviations around the mean of 800 draws.
		for name, got := range map[string]uint64{"Lost": s.Lost, "Duplicated": s.Duplicated} {
			if got < 35 || got > 125 {
				t.Errorf("seed %d: %s = %d of 800, want about 80", seed, name, got)
			}
		}
		if s.Reordered == 0 {
			t.Errorf("seed %d: nothing was reordered: %+v", seed, s)
		}
	}
}

func TestEachSenderHasFaultsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{ToServer: dhcp4test.Faults{Loss: 0.5}})
		defer n.Close()
		s, c1, c2 := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1), n.Client("lan", mac2)
		got := map[byte][]byte{}
		for i := range byte(50) {
			for sender, c := range []dhcp4.Conn{c1, c2} {
				write(t, c, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: []byte{byte(sender), i}})
			}
			for _, p := range read(t, s) {
				got[p.Data[0]] = append(got[p.Data[0]], p.Data[1])
			}
		}
		if slices.Equal(got[0], got[1]) {
			t.Errorf("of both senders arrived %v", got[0])
		}
	})
}

func TestMoreFaultsLoseTheSamePackets(t *testing.T) {
	arrived := func(f dhcp4test.Faults) (got []string) {
		synctest.Test(t, func(t *testing.T) {
			n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{Seed: 7, ToServer: f})
			defer n.Close()
			s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
			for i := range 50 {
				write(t, c, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: fmt.Appendf(nil, "%02d", i)})
			}
			time.Sleep(time.Second)
			for ps := read(t, s); len(ps) > 0; ps = read(t, s) {
				got = append(got, payloads(ps)...)
			}
		})
		slices.Sort(got)
		return slices.Compact(got)
	}
	loss := dhcp4test.Faults{Loss: 0.5}
	all := dhcp4test.Faults{Loss: 0.5, Duplicate: 0.5, Delay: 0.5}
	if d := cmp.Diff(arrived(loss), arrived(all)); d != "" {
		t.Errorf("arrived (-loss only +all faults):\n%s", d)
	}
}

func TestFaultsOfOneDirectionSpareTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := dhcp4test.NewNetwork(&dhcp4test.NetworkOptions{ToServer: dhcp4test.Faults{Loss: 1}, ToClient: dhcp4test.Faults{Duplicate: 1}})
		defer n.Close()
		s, c := n.Server(link("lan", "192.168.1.1/24")), n.Client("lan", mac1)
		write(t, c, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:67"), Data: []byte("lost")})
		write(t, s, dhcp4.Packet{Peer: netip.MustParseAddrPort("255.255.255.255:68"), Data: []byte("twice")})
		if got := read(t, s); len(got) != 0 {
			t.Errorf("the server got %q", payloads(got))
		}
		if d := cmp.Diff([]string{"twice", "twice"}, payloads(read(t, c))); d != "" {
			t.Errorf("the client got (-want +got):\n%s", d)
		}
		if d := cmp.Diff(dhcp4test.Stats{Sent: 2, Delivered: 2, Lost: 1, Duplicated: 1}, n.Stats()); d != "" {
			t.Errorf("Stats (-want +got):\n%s", d)
		}
	})
}
