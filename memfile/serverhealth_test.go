package memfile_test

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

// newServer makes a Server for one small network.
func newServer(t *testing.T, leases lease.Store) *dhcp4.Server {
	t.Helper()
	srv, err := dhcp4.NewServer(dhcp4.Config{
		Leases: leases,
		Subnets: []dhcp4.Subnet{{
			ID: 1, Prefix: netip.MustParsePrefix("192.0.2.0/24"), ServerID: netip.MustParseAddr("192.0.2.1"),
			Pools: []dhcp4.Pool{{Range: pool.MustParseRange("192.0.2.100-192.0.2.199")}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

// request asks for 192.0.2.100 and reports whether that was confirmed.
func request(t *testing.T, srv *dhcp4.Server) bool {
	t.Helper()
	m := dhcp4.Message{
		Op: dhcp4.OpRequest, HType: dhcp4.HTypeEthernet, XID: 1,
		HardwareAddr: lease.MustParseHardwareAddr("02:00:00:00:00:01"),
		Options: option.Options{
			option.DHCPMessageType.New(uint8(dhcp4.TypeRequest)),
			option.DHCPServerIdentifier.New(netip.MustParseAddr("192.0.2.1")),
			option.DHCPRequestedAddress.New(netip.MustParseAddr("192.0.2.100")),
		},
	}
	data, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	link := &dhcp4.Link{Name: "test", Index: 1, Addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}
	out, err := srv.Respond(context.Background(), dhcp4.Packet{Data: data, Link: link}, nil)
	if len(out.Data) == 0 {
		if err != dhcp4.ReasonStoreFailed {
			t.Errorf("REQUEST: %v", err)
		}
		return false
	}
	var reply dhcp4.Message
	if err := reply.Unmarshal(out.Data); err != nil || reply.Type() != dhcp4.TypeACK {
		t.Errorf("REQUEST: %v, %v", &reply, err)
	}
	return true
}

// TestServerRecoversWithItsLeaseFile takes the folder of the lease file away,
// and gives it back.
func TestServerRecoversWithItsLeaseFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "leases")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // where a second between two attempts takes no time
		path := filepath.Join(dir, "leases4.csv")
		st, err := memfile.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		srv := newServer(t, st)
		events := srv.Events(t.Context())
		if !request(t, srv) || srv.Health() != nil {
			t.Fatalf("no ACK, or %v, before anything happened", srv.Health())
		}
		if err := os.Rename(dir, dir+"2"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if request(t, srv) {
				t.Error("an ACK without a lease file")
			}
			if srv.Health() == nil {
				t.Error("the Server says that all is well")
			}
			time.Sleep(2 * time.Second)
		}
		if err := os.Rename(dir+"2", dir); err != nil {
			t.Fatal(err)
		}
		if !request(t, srv) || srv.Health() != nil {
			t.Errorf("no ACK, or %v, after the folder is back", srv.Health())
		}
		srv.Close()
		var kinds []dhcp4.EventKind
		for e := range events {
			kinds = append(kinds, e.Kind)
		}
		want := []dhcp4.EventKind{dhcp4.EventAllocated, dhcp4.EventStoreFailed, dhcp4.EventStoreRecovered, dhcp4.EventRenewed}
		if len(kinds) != len(want) {
			t.Fatalf("events %v, want %v", kinds, want)
		}
		for i := range want {
			if kinds[i] != want[i] {
				t.Errorf("event %d is %v, want %v", i, kinds[i], want[i])
			}
		}
	})
}
