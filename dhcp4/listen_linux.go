package dhcp4

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

func (lc *ListenConfig) listen(name string, port uint16) (Conn, error) {
	ifi, accept := new(net.Interface), (func(*Link) bool)(nil) // index 0: all interfaces
	if name == allLinks {
		if accept = lc.Accept; accept == nil {
			accept = isNotLoopback
		}
	} else {
		var err error
		if ifi, err = interfaceByName(name); err != nil {
			return nil, err
		}
	}
	c := &socketConn{port: port, rawRead: lc.Raw}
	err := lc.openSockets(c, ifi)
	if err == nil {
		err = c.open(ifi.Index, accept)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// isNotLoopback is what a Conn on all links accepts by default. The kernel gives
// every network namespace one loopback interface, with the index 1.
func isNotLoopback(l *Link) bool { return l.Index != 1 }

// openSockets opens c's sockets on the interface, or on all if it is the zero
// one.
func (lc *ListenConfig) openSockets(c *socketConn, ifi *net.Interface) (err error) {
	if c.udp, err = lc.listenUDP(ifi.Name, c.port); err != nil {
		return err
	}
	if lc.Raw {
		filter, err := serverFilter(c.port)
		if err != nil {
			return err
		}
		// The filter is there before the socket is bound, so nothing gets
		// past it in between.
		c.packet, err = packet.Listen(ifi, packet.Datagram, unix.ETH_P_IP, &packet.Config{Filter: filter})
		if err != nil {
			return fmt.Errorf("dhcp4: packet socket on %s (needs root or CAP_NET_RAW): %w", describe(ifi.Name), err)
		}
		return nil
	}
	// Without a protocol and an interface the socket receives nothing and
	// sends everywhere.
	c.packet, err = packet.Listen(new(net.Interface), packet.Datagram, 0, nil)
	if err != nil {
		if lc.Logger != nil {
			lc.Logger.Warn("no packet socket: clients without an address are answered by broadcast",
				"interface", cmp.Or(ifi.Name, allLinks), "needs", "CAP_NET_RAW", "error", err)
		}
	}
	return nil
}

// describe names an interface for an error.
func describe(device string) string {
	if device == "" {
		return "all interfaces"
	}
	return device
}

// listenUDP opens the socket that receives, or holds the port, on a device or
// on all if it has no name.
func (lc *ListenConfig) listenUDP(device string, port uint16) (*net.UDPConn, error) {
	nlc := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = setUDPOptions(int(fd), device, lc.Raw) }); cerr != nil {
			return cerr
		}
		if err == nil && lc.Control != nil {
			err = lc.Control(network, address, c)
		}
		return err
	}}
	// net sets SO_BROADCAST, and neither SO_REUSEADDR nor SO_REUSEPORT.
	c, err := nlc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
	where := describe(device)
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("dhcp4: UDP port %d on %s is taken, perhaps by another DHCP server; \"ss -ulpn sport = :%d\" shows by whom: %w",
			port, where, port, err)
	case errors.Is(err, unix.EACCES) && port < 1024:
		return nil, fmt.Errorf("dhcp4: UDP port %d on %s needs root or CAP_NET_BIND_SERVICE: %w", port, where, err)
	case err != nil:
		return nil, fmt.Errorf("dhcp4: listen on UDP port %d of %s: %w", port, where, err)
	}
	return c.(*net.UDPConn), nil
}

func setUDPOptions(fd int, device string, holdOnly bool) error {
	if device != "" {
		if err := unix.BindToDevice(fd, device); err != nil {
			return fmt.Errorf("bind to device %s (before Linux 5.7 it needs CAP_NET_RAW): %w", device, err)
		}
	}
	if holdOnly {
		return setReceiveNothing(fd)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return fmt.Errorf("set IP_PKTINFO: %w", err)
	}
	return nil
}

// interfaceByName finds an interface; the error tells which ones there are.
func interfaceByName(name string) (*net.Interface, error) {
	ifis, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("dhcp4: read the network interfaces: %w", err)
	}
	var names []string
	for i := range ifis {
		if ifis[i].Name == name {
			return &ifis[i], nil
		}
		names = append(names, ifis[i].Name)
	}
	return nil, fmt.Errorf("dhcp4: there is no network interface %q, only %s", name, strings.Join(names, ", "))
}

// sourceFor chooses the host's address on l that dst knows best: the one in
// its own prefix, else the first, else 0.0.0.0.
func (l *Link) sourceFor(dst netip.Addr) netip.Addr {
	for _, p := range l.Addrs {
		if p.Contains(dst) {
			return p.Addr()
		}
	}
	if len(l.Addrs) > 0 {
		return l.Addrs[0].Addr()
	}
	return netip.IPv4Unspecified()
}
