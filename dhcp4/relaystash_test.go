package dhcp4_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/option"
)

func TestStashedAgentOptionsTellWhoRenews(t *testing.T) {
	for _, tt := range []struct {
		name, context string
		stash         bool
		want          string // option 12
	}{
		{"Kea 2.2", `{ "ISC": { "relay-agent-info": "0x0104706F7274" } }`, true, "by-circuit"},
		{"Kea 3", `{"ISC":{"relay-agent-info":{"remote-id":"0x01","sub-options":"0x0104706F7274"}}}`, true, "by-circuit"},
		{"not asked for", `{ "ISC": { "relay-agent-info": "0x0104706F7274" } }`, false, ""},
		{"none", ``, true, ""},
		{"no octets", `{ "ISC": { "relay-agent-info": "0x01047" } }`, true, ""},
		{"no text", `{ "ISC": { "relay-agent-info": 7 } }`, true, ""},
		{"another circuit", `{ "ISC": { "relay-agent-info": "0x010100" } }`, true, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var st lease.Memory
			c := relayConfig()
			c.Leases, c.StashAgentOptions = &st, tt.stash
			c.Subnets[1].Reservations = []dhcp4.Reservation{{CircuitID: "port", Hostname: "by-circuit"}}
			w := newWire(t, c)
			w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100")), "ACK 10.2.0.100")
			setContext(t, &st, tt.context)
			w.local, w.peer = "10.1.0.1:67", "10.2.0.100:68"
			reply, _, reason := w.send(renewOf(1, "10.2.0.100"))
			if reply == nil {
				t.Fatal(reason)
			}
			if name, _, _ := option.HostName.Get(reply.Options); name != tt.want {
				t.Errorf("host name %q, want %q", name, tt.want)
			}
			// There is no relay agent on its way that would take it out.
			if _, ok := reply.Options.Lookup(82); ok {
				t.Error("the reply has relay agent information")
			}
			if got := contextOf(t, &st); got != tt.context {
				t.Errorf("the context is now %s", got)
			}
		})
	}
}

// A reservation that a renewal turns out to be under is looked up in the store
// before the client is sent there.
func TestStashedAgentOptionsLeadToAReservedAddress(t *testing.T) {
	var st lease.Memory
	c := relayConfig()
	c.Leases, c.StashAgentOptions, c.StoreExtendedInfo = &st, true, dhcp4.Yes
	w := newWire(t, c)
	w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), subOption(1, "port")), "ACK 10.2.0.100")
	w.srv.Close()
	c.Subnets[1].Reservations = []dhcp4.Reservation{{CircuitID: "port", Addr: netip.MustParseAddr("10.2.0.7")}}
	w = newWire(t, c)
	w.local = "10.1.0.1:67"
	w.expect("free: the client moves", renewOf(1, "10.2.0.100"), "NAK: address is reserved")
	w.srv.Close()
	taken := lease.Lease{Addr: netip.MustParseAddr("10.2.0.7"), SubnetID: 2, HardwareAddr: otherMAC, Lifetime: lease.Infinite}
	cs := []lease.Change{{New: &taken}}
	if err := st.Update(context.Background(), cs); err != nil || cs[0].Err != nil {
		t.Fatal(err, cs[0].Err)
	}
	w = newWire(t, c)
	w.local = "10.1.0.1:67"
	w.expect("taken: the client stays", renewOf(1, "10.2.0.100"), "ACK 10.2.0.100")
}

func TestStashedAgentOptionsGoToFlexID(t *testing.T) {
	var st lease.Memory
	c := relayConfig()
	c.Leases, c.StashAgentOptions, c.StoreExtendedInfo = &st, true, dhcp4.Yes
	c.FlexID = func(x *dhcp4.Exchange) string {
		info, _ := x.Request.Options.Lookup(82)
		return string(info)
	}
	c.Subnets[1].Reservations = []dhcp4.Reservation{{FlexID: subOption(6, "subscriber"), Hostname: "by-flex-id"}}
	w := newWire(t, c)
	w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), subOption(6, "subscriber")), "ACK 10.2.0.100")
	w.local = "10.1.0.1:67"
	reply, _, reason := w.send(renewOf(1, "10.2.0.100"))
	if reply == nil {
		t.Fatal(reason)
	}
	if name, _, _ := option.HostName.Get(reply.Options); name != "by-flex-id" {
		t.Errorf("host name %q", name)
	}
}

func TestFlexIDThatPanicsWithStashedAgentOptionsLosesItsPacket(t *testing.T) {
	var st lease.Memory
	c := relayConfig()
	c.Leases, c.StashAgentOptions, c.StoreExtendedInfo = &st, true, dhcp4.Yes
	w := newWire(t, c)
	w.expect("bound", via("10.2.0.1", selectOf(1, "10.1.0.1", "10.2.0.100"), subOption(1, "port")), "ACK 10.2.0.100")
	w.srv.Close()
	c.FlexID = func(x *dhcp4.Exchange) string {
		if info, ok := x.Request.Options.Lookup(82); ok {
			panic(string(info))
		}
		return ""
	}
	c.Subnets[1].Reservations = []dhcp4.Reservation{{FlexID: "x", Hostname: "x"}}
	w = newWire(t, c)
	w.local = "10.1.0.1:67"
	w.expect("renewed", renewOf(1, "10.2.0.100"), "a function of the configuration failed")
}
