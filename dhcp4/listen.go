package dhcp4

import (
	"log/slog"
	"syscall"
)

// allLinks is the name for all interfaces.
const allLinks = "*"

// Listen opens the sockets of a server on the network interface called name, or
// on all if it is "*", with a ListenConfig's defaults.
func Listen(name string) (Conn, error) { return new(ListenConfig).Listen(name) }

// A ListenConfig says how to listen. The zero value is what a server needs;
// it may be used again and from several goroutines.
type ListenConfig struct {
	// Port is the UDP port to receive on and to send from. If zero, 67.
	Port uint16
	// Raw receives by a packet socket, as Kea does by default: what the
	// host's firewall drops is heard as well (see Listen). It needs
	// CAP_NET_RAW.
	Raw bool
	// Accept chooses links for a Conn on "*", the loopback interface among
	// them. If nil, all but that. ReadBatch asks it when the first packet comes
	// in on a link, and again when the link has changed; it must not wait. It
	// may set the Link's Tag, and nothing else.
	Accept func(*Link) bool
	// Control is called with the UDP socket before it is bound, to set
	// further options, as in net.ListenConfig. If nil, none.
	Control func(network, address string, c syscall.RawConn) error
	// Logger is told when the Conn can do less than it should. If nil,
	// silence.
	Logger *slog.Logger
}

// Listen opens the sockets of a server on the network interface called name:
// Linux only, elsewhere the error is errors.ErrUnsupported. Several interfaces
// are several Conns, each with a Serve of its own; or name is "*", and one Conn
// serves all that there are and that there will be.
//
// The Conn has one UDP socket on 0.0.0.0:67, bound to the device, so that the
// host's firewall applies and no other program can have the port there
// unnoticed (neither SO_REUSEADDR nor SO_REUSEPORT is set; a Conn on "*" and one
// on an interface exclude each other). It needs CAP_NET_BIND_SERVICE for ports
// below 1024. The interface may be without an address: its Link is read anew
// when packets arrive, at most once a second unless something is missing in it.
// Replies to relays and to clients that have an address leave by this socket,
// with Packet.Local as their source if it is an address of the host.
//
// Broadcasts, and replies to clients that do not have their address yet
// (Packet.HardwareAddr), leave by one AF_PACKET socket, which receives nothing.
// It sends complete checksums, where the kernel would leave them to a network
// card that virtual machines and containers do not have (RFC 2131, section 4.1).
// It needs CAP_NET_RAW; without that the Logger is told so, and these replies
// are broadcast by the UDP socket.
//
// With Raw the AF_PACKET socket receives as well, and the UDP socket only holds
// the port. Heard are datagrams in frames without a VLAN tag that are not for
// another host, to a broadcast address or one that the interface itself has: not
// to another one of the host's, and no fragments. Packet.HardwareAddr is the
// frame's source, so that replies to relays and to clients that have an address
// go back there, through the packet socket: neither the firewall nor the host's
// routes and ARP have a say.
//
// When the interface is deleted ReadBatch returns ErrLinkGone. A Conn on "*"
// goes on, and hears links that come later as soon as a packet comes in there.
// It sends each Packet by the Link in it; if that is nil, as the host's routes
// say.
//
// ReadBatch and WriteBatch take as many packets to the kernel at a time as
// they are given, up to 64, and allocate nothing but to read a Link. A
// datagram that does not fit fills Data to its capacity; with Raw the buffer
// must have room for the headers too, up to 68 octets. A Packet that cannot
// leave by its socket for being longer than the MTU leaves by the UDP socket, in
// fragments.
func (lc *ListenConfig) Listen(name string) (Conn, error) {
	port := lc.Port
	if port == 0 {
		port = serverPort
	}
	return lc.listen(name, port)
}
