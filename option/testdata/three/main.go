// A program that names three definitions.
package main

import (
	"net/netip"

	"github.com/embedhcp/embedhcp/option"
)

func main() {
	a := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	opts := option.Options{option.Routers.New(a), option.SubnetMask.New(a), option.InterfaceMTU.New(1500)}
	mtu, ok, err := option.InterfaceMTU.Get(opts)
	println(mtu, ok, err == nil, opts[0].String())
}
