// Command minimal serves one network on the interface eth1.
package main

import (
	"context"
	"log"
	"log/slog"
	"net/netip"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/memfile"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

func main() {
	leases, err := memfile.Open("leases4.csv", nil) // Kea's format; survives power cuts
	if err != nil {
		log.Fatal(err)
	}
	srv, err := dhcp4.NewServer(dhcp4.Config{Leases: leases, Logger: slog.Default(), Subnets: []dhcp4.Subnet{{
		ID: 1, Prefix: netip.MustParsePrefix("192.168.1.0/24"), Interface: "eth1",
		Pools:   []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
		Options: option.Options{option.Routers.New(netip.MustParseAddr("192.168.1.1"))},
	}}})
	if err != nil {
		log.Fatal(err) // lists every mistake
	}
	log.Fatal(srv.ListenAndServe(context.Background(), "eth1"))
}
