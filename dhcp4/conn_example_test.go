package dhcp4_test

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"strings"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// Any net.PacketConn carries packets: here a socket on the loopback interface.
func ExampleNewPacketConn() {
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	c := dhcp4.NewPacketConn(socket, &dhcp4.Link{Name: "vm1"})
	defer c.Close()

	client, err := net.Dial("udp4", socket.LocalAddr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("a DISCOVER")); err != nil {
		log.Fatal(err)
	}

	ps := []dhcp4.Packet{{Data: make([]byte, 2048)}}
	if _, err := c.ReadBatch(ps); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s on %s\n", ps[0].Data, ps[0].Link.Name)
	// Output: a DISCOVER on vm1
}

// Sockets on one interface of a Linux host, with a word in the log if replies
// must be broadcast because CAP_NET_RAW is missing.
func ExampleListenConfig() {
	lc := dhcp4.ListenConfig{Logger: slog.Default()}
	c, err := lc.Listen("ens33")
	if err != nil {
		log.Fatal(err) // names the interfaces that there are
	}
	defer c.Close()
}

// One Conn for all virtual machines of a host, those that start later too.
func ExampleListenConfig_allLinks() {
	lc := dhcp4.ListenConfig{
		Accept: func(l *dhcp4.Link) bool { return strings.HasPrefix(l.Name, "tap") },
	}
	c, err := lc.Listen("*")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}
