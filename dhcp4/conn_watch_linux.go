package dhcp4

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A watchedConn is the RawConn of a socket on one link. Its Read does not only
// wait for the socket, which would sleep for ever when its link is deleted, but
// also for the netlink that tells so, and then returns ErrLinkGone. Both are
// behind one epoll descriptor, so that one goroutine waits for the two.
type watchedConn struct {
	syscall.RawConn // the socket's
	netlink         *netlink
	epoll           *os.File
	poll            syscall.RawConn // epoll's

	f    func(fd uintptr) bool // Read's argument
	done bool                  // what it returned
	err  error
	try  func(fd uintptr) bool // made once
	once func(fd uintptr)      // made once
}

func newWatchedConn(socket syscall.RawConn, nl *netlink) (*watchedConn, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// The runtime polls files that do not block only.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	w := &watchedConn{RawConn: socket, netlink: nl, epoll: os.NewFile(uintptr(fd), "epoll")}
	for _, c := range []syscall.RawConn{socket, nl.conn} {
		if err := addTo(fd, c); err != nil {
			w.epoll.Close()
			return nil, err
		}
	}
	if w.poll, err = w.epoll.SyscallConn(); err != nil {
		w.epoll.Close()
		return nil, err
	}
	w.once = func(fd uintptr) { w.done = w.f(fd) }
	w.try = func(uintptr) bool {
		if w.err = w.RawConn.Control(w.once); w.err != nil || w.done {
			return true
		}
		// Asked each time that the socket has nothing: a packet may have woken
		// the reader for both.
		if w.netlink.gone() {
			w.err = ErrLinkGone
		}
		return w.err != nil
	}
	return w, nil
}

// addTo makes an epoll descriptor readable whenever something happens to c. It
// stays so, for nobody asks it what happened; but the runtime waits for changes.
func addTo(epoll int, c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: int32(fd)})
	}); cerr != nil {
		return cerr
	}
	return os.NewSyscallError("epoll_ctl", err)
}

func (w *watchedConn) Read(f func(fd uintptr) bool) error {
	w.f = f
	if err := w.poll.Read(w.try); err != nil {
		return err
	}
	return w.err
}

func (w *watchedConn) SetReadDeadline(t time.Time) error { return w.epoll.SetReadDeadline(t) }

func (w *watchedConn) Close() error { return w.epoll.Close() }
