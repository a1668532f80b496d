// Command quickstart shows a DHCP server and a client at work.
//
// Without flags it needs neither root nor a network: the server and the
// client talk over loopback sockets, every packet is printed as one line, and
// the lease file at the end.
//
//	go run ./examples/quickstart
//
// With -interface it serves 192.168.1.0/24 on a network interface (as root)
// until it is interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/lease"
	"github.com/embedhcp/embedhcp/memfile"
	"github.com/embedhcp/embedhcp/option"
	"github.com/embedhcp/embedhcp/pool"
)

func main() {
	name := flag.String("interface", "", "serve 192.168.1.0/24 on the interface with this `name` until interrupted")
	file := flag.String("leases", "leases4.csv", "with -interface, keep the leases in this `file`")
	authoritative := flag.Bool("authoritative", false, "with -interface, refuse wrong addresses of unknown clients too")
	flag.Parse()
	var err error
	if *name == "" {
		err = demo(os.Stdout)
	} else {
		err = serve(*name, *file, *authoritative)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

// network is the configuration that both modes serve.
func network() dhcp4.Config {
	return dhcp4.Config{
		Lifetime: 43200 * time.Second,
		T1:       21600 * time.Second,
		T2:       37800 * time.Second,
		Subnets: []dhcp4.Subnet{{
			ID:     1,
			Prefix: netip.MustParsePrefix("192.168.1.0/24"),
			Pools:  []dhcp4.Pool{{Range: pool.MustParseRange("192.168.1.100-192.168.1.200")}},
			Options: option.Options{
				option.Routers.New(netip.MustParseAddr("192.168.1.1")),
				option.DomainNameServers.New(netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("8.8.8.8")),
				option.DomainName.New("lab.example.com"),
				option.DomainSearch.New("lab.example.com"),
			},
			Reservations: []dhcp4.Reservation{
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:aa:bb:cc"), Addr: netip.MustParseAddr("192.168.1.20"), Hostname: "web-server"},
				{HardwareAddr: lease.MustParseHardwareAddr("00:0c:29:dd:ee:ff"), Addr: netip.MustParseAddr("192.168.1.30"), Hostname: "db-server"},
			},
		}},
	}
}

// serve answers clients on a network interface until SIGINT or SIGTERM.
func serve(name, file string, authoritative bool) error {
	leases, err := memfile.Open(file, &memfile.Options{Schema: memfile.Schema21})
	if err != nil {
		return err
	}
	defer leases.Close()
	config := network()
	config.Subnets[0].Interface = name
	config.Leases = leases
	config.Authoritative = authoritative
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	srv, err := dhcp4.NewServer(config)
	if err != nil {
		return err
	}
	defer srv.Close()

	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	served := make(chan error, 1)
	go func() { served <- srv.ListenAndServe(context.Background(), name) }()
	select {
	case err := <-served:
		return err
	case <-interrupted.Done():
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, dhcp4.ErrServerClosed) {
		return err
	}
	return leases.Close()
}
