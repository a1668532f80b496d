//go:build !linux

package dhcp4

import (
	"errors"
	"fmt"
	"runtime"
)

func (lc *ListenConfig) listen(name string, port uint16) (Conn, error) {
	return nil, fmt.Errorf("dhcp4: listen on interface %q, port %d: %w: on %s there is no way yet to bind a socket to an interface "+
		"and to reach a client without an address; use NewPacketConn with a net.PacketConn of your own, or Server.Respond",
		name, port, errors.ErrUnsupported, runtime.GOOS)
}
