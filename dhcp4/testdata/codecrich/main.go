// Command codecrich uses all of the codec of package dhcp4, typed options and
// package fmt: it prints the message of the frame that it reads and sends an
// OFFER back, behind the VLAN tags of the frame.
package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

var errNoPacket = errors.New("no IPv4 and UDP in the frame")

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answer(in, out *os.File) error {
	frame := make([]byte, 2048)
	n, err := in.Read(frame)
	if err != nil {
		return err
	}
	frame = frame[:n]
	p, ok := dhcp4.ParseFrame(frame)
	if !ok {
		return errNoPacket
	}
	var m dhcp4.Message
	if err := m.Unmarshal(p.Data); err != nil {
		return err
	}
	fmt.Println(m.String())
	wanted, _, err := option.DHCPParameterRequestList.Get(m.Options)
	if err != nil {
		return err
	}
	fmt.Println(wanted)
	parameters, _ := m.Options.Lookup(option.DHCPParameterRequestList.Code)

	router := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	m.Op = dhcp4.OpReply
	m.YIAddr = netip.AddrFrom4([4]byte{192, 0, 2, 20})
	m.Options = option.Options{
		option.DHCPMessageType.New(uint8(dhcp4.TypeOffer)),
		option.DHCPServerIdentifier.New(router),
		option.DHCPLeaseTime.New(time.Hour),
		option.SubnetMask.New(netip.AddrFrom4([4]byte{255, 255, 255, 0})),
		option.Routers.New(router),
		option.DomainName.New("lab.example.com"),
		option.DomainSearch.New("lab.example.com", "example.com"),
		option.ClasslessStaticRoute.New(option.Route{Destination: netip.PrefixFrom(router, 24), Router: router}),
	}
	if p.Data, _, err = m.AppendBinaryLimit(nil, 548, parameters); err != nil {
		return err
	}
	fmt.Println(m.Options)
	if frame, err = dhcp4.AppendFrame(nil, p, dhcp4.AppendVLANTags(nil, frame)...); err != nil {
		return err
	}
	_, err = out.Write(frame)
	return err
}
