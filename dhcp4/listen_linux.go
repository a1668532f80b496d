package dhcp4

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/embedhcp/embedhcp/lease"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

func (lc *ListenConfig) listen(name string, port uint16) (Conn, error) {
	link, err := linkByName(name)
	if err != nil {
		return nil, err
	}
	udp, err := lc.listenUDP(link, port)
	if err != nil {
		return nil, err
	}
	// Without a protocol and an interface the socket receives nothing and
	// sends everywhere.
	raw, err := packet.Listen(new(net.Interface), packet.Datagram, 0, nil)
	if err != nil {
		raw = nil
		if lc.Logger != nil {
			lc.Logger.Warn("no packet socket: clients without an address are answered by broadcast",
				"interface", link.Name, "needs", "CAP_NET_RAW", "error", err)
		}
	}
	c, err := newUDPConn(udp, raw, port, link)
	if err != nil {
		udp.Close()
		if raw != nil {
			raw.Close()
		}
		return nil, err
	}
	return c, nil
}

// listenUDP opens the socket that receives, and holds the port.
func (lc *ListenConfig) listenUDP(link *Link, port uint16) (*net.UDPConn, error) {
	nlc := net.ListenConfig{Control: func(network, address string, c syscall.RawConn) error {
		var err error
		if cerr := c.Control(func(fd uintptr) { err = setUDPOptions(int(fd), link.Name) }); cerr != nil {
			return cerr
		}
		if err == nil && lc.Control != nil {
			err = lc.Control(network, address, c)
		}
		return err
	}}
	// net sets SO_BROADCAST, and neither SO_REUSEADDR nor SO_REUSEPORT.
	c, err := nlc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), port).String())
	switch {
	case errors.Is(err, unix.EADDRINUSE):
		return nil, fmt.Errorf("dhcp4: UDP port %d on %s is taken, perhaps by another DHCP server; \"ss -ulpn sport = :%d\" shows by whom: %w",
			port, link.Name, port, err)
	case errors.Is(err, unix.EACCES) && port < 1024:
		return nil, fmt.Errorf("dhcp4: UDP port %d on %s needs root or CAP_NET_BIND_SERVICE: %w", port, link.Name, err)
	case err != nil:
		return nil, fmt.Errorf("dhcp4: listen on UDP port %d of %s: %w", port, link.Name, err)
	}
	return c.(*net.UDPConn), nil
}

func setUDPOptions(fd int, device string) error {
	if err := unix.BindToDevice(fd, device); err != nil {
		return fmt.Errorf("bind to device %s (before Linux 5.7 it needs CAP_NET_RAW): %w", device, err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1); err != nil {
		return fmt.Errorf("set IP_PKTINFO: %w", err)
	}
	return nil
}

// linkByName reads an interface; the error tells which ones there are.
func linkByName(name string) (*Link, error) {
	ifis, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("dhcp4: read the network interfaces: %w", err)
	}
	var names []string
	for i := range ifis {
		if ifis[i].Name == name {
			return linkOf(&ifis[i])
		}
		names = append(names, ifis[i].Name)
	}
	return nil, fmt.Errorf("dhcp4: there is no network interface %q, only %s", name, strings.Join(names, ", "))
}

// linkByIndex reads an interface that may have another name by now.
func linkByIndex(index int) (*Link, error) {
	ifi, err := net.InterfaceByIndex(index)
	if err != nil {
		return nil, err
	}
	return linkOf(ifi)
}

func linkOf(ifi *net.Interface) (*Link, error) {
	addrs, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("dhcp4: read the addresses of %s: %w", ifi.Name, err)
	}
	link := &Link{Name: ifi.Name, Index: ifi.Index}
	link.HardwareAddr, _ = lease.HardwareAddrFrom(ifi.HardwareAddr)
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.To4() == nil {
			continue
		}
		ones, _ := n.Mask.Size()
		link.Addrs = append(link.Addrs, netip.PrefixFrom(netip.AddrFrom4([4]byte(n.IP.To4())), ones))
	}
	return link, nil
}

// sameLink reports whether a and b, two readings of a link, say the same.
func sameLink(a, b *Link) bool {
	return a.Name == b.Name && a.Index == b.Index && a.HardwareAddr == b.HardwareAddr && slices.Equal(a.Addrs, b.Addrs)
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
