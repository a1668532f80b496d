package option

import (
	"net/netip"
	"testing"
)

// The bodies that both the benchmarks and the allocation test run.
func hotPaths() []hotPath {
	o := Options{
		DHCPMessageType.New(5), DHCPServerIdentifier.New(addr("192.168.1.1")), DHCPLeaseTime.New(infinity),
		DHCPRenewalTime.New(infinity), DHCPRebindingTime.New(infinity), SubnetMask.New(addr("255.255.255.0")),
		BroadcastAddress.New(addr("192.168.1.255")), Routers.New(addr("192.168.1.1"), addr("192.168.1.2")),
		DomainNameServers.New(addr("192.168.1.10"), addr("8.8.8.8")), DomainName.New("lab.example.com"),
		DomainSearch.New("lab.example.com", "example.com"), InterfaceMTU.New(1500),
		ClasslessStaticRoute.New(Route{prefix("10.0.0.0/8"), addr("192.168.1.1")}),
		DHCPClientIdentifier.New(unhex("01000c29aabbcc")),
		DHCPAgentOptions.New(AgentCircuitID.New([]byte("eth0/1"))),
	}
	routers := []netip.Addr{addr("192.168.1.1"), addr("192.168.1.2")}
	search := []string{"lab.example.com", "corp.example.com", "example.com"}
	routes := []Route{
		{prefix("0.0.0.0/0"), addr4}, {prefix("10.0.0.0/8"), addr4}, {prefix("172.16.5.0/24"), addr4},
	}
	dst := make([]netip.Addr, 0, 4)
	subs := make([]Option, 0, 4)
	text := make([]byte, 0, 64)
	arena := Arena{buf: make([]byte, 0, 256)}
	var ok bool
	var err error
	return []hotPath{
		{"Lookup/last of 15", func() bool { _, ok = o.Lookup(82); return ok }},
		{"Lookup/absent", func() bool { _, ok = o.Lookup(224); return !ok }},
		{"Get/address", func() bool { _, ok, err = DHCPServerIdentifier.Get(o); return ok }},
		{"Get/lease time", func() bool { _, ok, err = DHCPLeaseTime.Get(o); return ok }},
		{"Get/client identifier", func() bool { _, ok, err = DHCPClientIdentifier.Get(o); return ok }},
		{"AppendTo/routers", func() bool { dst, ok, err = Routers.AppendTo(dst[:0], o); return ok }},
		{"AppendTo/sub-options", func() bool { subs, ok, err = DHCPAgentOptions.AppendTo(subs[:0], o); return ok }},
		{"All/routers", func() bool {
			n := 0
			for range Routers.All(o) {
				n++
			}
			return n == 2
		}},
		{"NewIn/address", func() bool {
			arena.Reset()
			o := SubnetMask.NewIn(&arena, addr4)
			return len(o.Data) == 4
		}},
		{"NewIn/routers", func() bool {
			arena.Reset()
			o := Routers.NewIn(&arena, routers...)
			return len(o.Data) == 8
		}},
		{"NewIn/routers one by one", func() bool {
			arena.Reset()
			o := Routers.NewIn(&arena, addr4, addr4)
			return len(o.Data) == 8
		}},
		{"NewIn/search list", func() bool {
			arena.Reset()
			o := DomainSearch.NewIn(&arena, search...)
			return len(o.Data) == 26
		}},
		{"NewIn/escaped name", func() bool {
			arena.Reset()
			o := DomainSearch.NewIn(&arena, `lab\.1.example.com`)
			return len(o.Data) == 19
		}},
		{"NewIn/classless routes", func() bool {
			arena.Reset()
			o := ClasslessStaticRoute.NewIn(&arena, routes...)
			return len(o.Data) == 19
		}},
		{"NewIn/text", func() bool {
			arena.Reset()
			o := DomainName.NewIn(&arena, "lab.example.com")
			return len(o.Data) == 15
		}},
		{"NewIn/client name", func() bool {
			arena.Reset()
			o := ClientFQDN.NewIn(&arena, ClientName{Flags: FQDNFlagE, Name: "laptop.example.com."})
			return len(o.Data) == 23
		}},
		{"NewIn/vendor data", func() bool {
			arena.Reset()
			o := VIVSOSuboptions.NewIn(&arena, VendorData{4491, search4})
			return len(o.Data) == 9
		}},
		{"NewIn/sub-options", func() bool {
			arena.Reset()
			o := DHCPAgentOptions.NewIn(&arena, subs...)
			return len(o.Data) == 8
		}},
		{"RapidCommit", func() bool { ok, err = RapidCommit.Get(o); return !ok && err == nil && RapidCommit.New().Code == 80 }},
		{"VendorData.AppendOptions", func() bool {
			subs, err = VendorData{4491, o[14].Data}.AppendOptions(subs[:0])
			return len(subs) == 1
		}},
		{"AppendRawText", func() bool {
			text, err = AppendRawText(text[:0], "0a:0b:0c")
			return len(text) == 3
		}},
		{"AppendText/routers", func() bool {
			text, err = Routers.AppendText(text[:0], "192.168.1.1, 192.168.1.2")
			return err == nil
		}},
		{"FormatText/routers", func() bool {
			text, err = Routers.FormatText(text[:0], o[7].Data)
			return err == nil
		}},
	}
}

type hotPath struct {
	name string
	run  func() bool
}

var search4 = []byte{1, 2, 3, 4}

var addr4 = netip.AddrFrom4([4]byte{192, 168, 1, 1})

func TestHotPathsDoNotAllocate(t *testing.T) {
	for _, p := range hotPaths() {
		if !p.run() {
			t.Errorf("%s: wrong result", p.name)
		}
		if n := testing.AllocsPerRun(100, func() { p.run() }); n != 0 {
			t.Errorf("%s: %v allocations", p.name, n)
		}
	}
}

func BenchmarkHotPaths(b *testing.B) {
	for _, p := range hotPaths() {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !p.run() {
					b.Fatal("wrong result")
				}
			}
		})
	}
}
