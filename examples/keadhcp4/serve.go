package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
)

// leastWait is how long to wait at least before a socket is opened again.
const leastWait = 100 * time.Millisecond

// A service keeps a Server on its interfaces: one that cannot be opened, or
// fails, is tried again until it is there.
type service struct {
	srv        *dhcp4.Server
	log        *slog.Logger
	serverPort uint16
	clientPort uint16 // zero: the one that each reply is for
	sockets    socketSpec
	listeners  map[endpoint]*listener
}

// A listener serves one endpoint until it is stopped.
type listener struct {
	stop context.CancelFunc
	done chan struct{} // closed when its socket is
}

// listen opens and closes sockets until those of the endpoints are open.
// Sockets that stay are not touched. Those that cannot be opened are logged,
// tried again later and returned as an error.
func (s *service) listen(endpoints []endpoint) error {
	wanted := make(map[endpoint]bool)
	for _, e := range endpoints {
		wanted[e] = true
	}
	for e, l := range s.listeners { // first, for a new one may need the port
		if !wanted[e] {
			l.stop()
			<-l.done
			delete(s.listeners, e)
		}
	}
	var errs []error
	for _, e := range endpoints {
		if s.listeners[e] != nil {
			continue
		}
		conn, err := s.open(e)
		if err != nil {
			s.failed(e, err)
			errs = append(errs, err)
		}
		ctx, stop := context.WithCancel(context.Background())
		l := &listener{stop, make(chan struct{})}
		s.listeners[e] = l
		go func() {
			defer close(l.done)
			s.serve(ctx, e, conn, s.sockets.retryWait)
		}()
	}
	for _, e := range endpoints {
		if err := hears(e); err != nil {
			s.log.Warn(err.Error(), "id", "DHCPSRV_OPEN_SOCKET_FAIL")
		}
	}
	if len(endpoints) == len(errs) {
		s.log.Warn("no socket is open: nobody is served", "id", "DHCPSRV_NO_SOCKETS_OPEN")
	}
	return errors.Join(errs...)
}

// hears tells why no client is heard on an endpoint though its socket is open.
func hears(e endpoint) error {
	if e.all {
		return nil
	}
	i, err := net.InterfaceByName(e.name)
	if err != nil {
		return nil // so is the socket not open, which has been logged
	}
	if i.Flags&net.FlagUp == 0 {
		return fmt.Errorf("interface %s is down: no client is heard until it is up", e.name)
	}
	addrs, err := i.Addrs()
	if err != nil {
		return fmt.Errorf("interface %s: %w", e.name, err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil {
			return nil
		}
	}
	return fmt.Errorf("interface %s has no IPv4 address: its subnet is not known until it has one", e.name)
}

// serve serves an endpoint; conn is nil if it could not be opened.
func (s *service) serve(ctx context.Context, e endpoint, conn dhcp4.Conn, wait time.Duration) {
	said := ""
	for {
		if conn != nil {
			said = ""
			s.log.Info("the socket is open", "id", "DHCPSRV_CFGMGR_ADD_IFACE", "interface", e.String())
			err := s.srv.Serve(ctx, conn)
			if ctx.Err() != nil || errors.Is(err, dhcp4.ErrServerClosed) {
				return
			}
			s.failed(e, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(wait, leastWait)):
		}
		var err error
		if conn, err = s.open(e); err != nil {
			conn = nil
			if err.Error() != said {
				said = err.Error()
				s.failed(e, err)
			}
		}
	}
}

func (s *service) failed(e endpoint, err error) {
	s.log.Warn(fmt.Sprintf("interface %v is not served; it is tried again: %v", e, err), "id", "DHCPSRV_OPEN_SOCKET_FAIL")
}

// open opens the sockets of an endpoint.
func (s *service) open(e endpoint) (dhcp4.Conn, error) {
	lc := dhcp4.ListenConfig{Port: s.serverPort, Raw: e.raw, Logger: s.log}
	name := e.name
	if e.all {
		name = "*"
	}
	conn, err := lc.Listen(name)
	if err != nil {
		return nil, err
	}
	if e.addrs != "" {
		conn = newAddrConn(conn, e.addrs)
	}
	if s.clientPort != 0 {
		conn = portConn{conn, s.clientPort}
	}
	return conn, nil
}

// stop waits until all sockets are closed; the Server has been ended.
func (s *service) stop() {
	for _, l := range s.listeners {
		l.stop()
		<-l.done
	}
}
