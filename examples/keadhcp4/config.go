package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
	"github.com/embedhcp/embedhcp/lease"
)

// A plan is what a configuration file asks for.
type plan struct {
	server    dhcp4.Config // without Leases and Logger
	leases    leaseSpec
	endpoints []endpoint
	sockets   socketSpec
	loggers   []loggerSpec
	warnings  []keaconf.Problem

	checkLeases func(ctx context.Context, st lease.Store, report func(lease.SubnetFault)) error
}

// A leaseSpec is a "lease-database".
type leaseSpec struct {
	path         string        // empty: in memory alone
	cleanUp      time.Duration // zero: never
	maxRowErrors int
	check        lease.SubnetCheck
}

// A socketSpec says what to do about sockets that cannot be opened.
type socketSpec struct {
	requireAll bool // do not start without them
	retryWait  time.Duration
}

// An endpoint is an interface to listen on.
type endpoint struct {
	name  string // empty with all
	addrs string // the addresses of the interface to serve on, with blanks between them; empty: any
	all   bool   // every interface but the loopback one
	raw   bool   // ahead of the host's firewall
}

func (e endpoint) String() string {
	switch {
	case e.all:
		return "*"
	case e.addrs == "":
		return e.name
	}
	return e.name + "/" + e.addrs
}

// load reads a configuration file. Of a wrong one the error lists all
// mistakes.
func load(path string, version keaconf.Version) (*plan, error) {
	c, err := keaconf.Load(path, &keaconf.Options{Version: version, Interface: checkInterface, Library: checkLibrary})
	if err != nil {
		return nil, err
	}
	s, err := c.Server()
	if err != nil {
		return nil, err
	}
	s.Warnings = append(slices.Clone(c.Warnings), s.Warnings...)
	return planOf(s), nil
}

// planOf says in our terms what a file asks for.
func planOf(s *keaconf.Server) *plan {
	p := &plan{
		server:   s.Config,
		leases:   leaseSpec{s.LeaseFile.Path, s.LeaseFile.CleanUp, s.LeaseFile.MaxRowErrors, s.LeaseFile.Check},
		sockets:  socketSpec{s.Interfaces.RequireAll, s.Interfaces.RetryWait},
		warnings: s.Warnings,

		checkLeases: s.CheckLeases,
	}
	p.endpoints = endpointsOf(&s.Interfaces)
	for _, l := range s.Loggers {
		p.loggers = append(p.loggers, loggerSpecOf(l))
	}
	return p
}

// endpointsOf returns one endpoint for each socket. With "*", interfaces that
// are named besides are among all.
func endpointsOf(from *keaconf.Interfaces) []endpoint {
	if from.All {
		return []endpoint{{all: true, raw: !from.UDP}}
	}
	var all []endpoint
	for _, i := range from.Names {
		addr := ""
		if i.Addr.IsValid() {
			addr = i.Addr.String()
		}
		at := slices.IndexFunc(all, func(e endpoint) bool { return e.name == i.Name })
		switch {
		case at < 0:
			all = append(all, endpoint{name: i.Name, addrs: addr, raw: !from.UDP})
		case addr == "" || all[at].addrs == "":
			all[at].addrs = ""
		default:
			all[at].addrs += " " + addr
		}
	}
	return all
}

// loggerSpecOf completes the names of loggers as Kea does: the first part may be
// left out. A logger above all others without outputs has standard output.
func loggerSpecOf(l keaconf.Logger) loggerSpec {
	spec := loggerSpec{Name: l.Name, Level: levelOf(l.Severity), DebugLevel: l.DebugLevel}
	if spec.Name != rootLogger && !strings.HasPrefix(spec.Name, rootLogger+".") {
		spec.Name = rootLogger + "." + spec.Name
	}
	for _, o := range l.Outputs {
		spec.Outputs = append(spec.Outputs, outputSpec{Output: o.Name, Pattern: o.Pattern, MaxSize: o.MaxSize, MaxVer: o.MaxVer})
	}
	if len(spec.Outputs) == 0 && spec.Name == rootLogger {
		spec.Outputs = defaultLoggers()[0].Outputs
	}
	return spec
}

func levelOf(severity string) slog.Level {
	switch severity {
	case "DEBUG":
		return slog.LevelDebug
	case "WARN":
		return slog.LevelWarn
	case "ERROR":
		return slog.LevelError
	case "FATAL":
		return levelFatal
	case "NONE":
		return levelNone
	}
	return slog.LevelInfo
}

// checkInterface tells why an interface cannot be used.
func checkInterface(name string, addr netip.Addr) error {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return fmt.Errorf("interface '%s' doesn't exist in the system", name)
	}
	if !addr.IsValid() {
		return nil
	}
	addrs, err := i.Addrs()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(addr.AsSlice()) {
			return nil
		}
	}
	return fmt.Errorf("interface '%s' has no address %v", name, addr)
}

func checkLibrary(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// mistakes returns what is wrong, one error for each line to be logged.
func mistakes(err error) []error {
	var list interface{ Unwrap() []error }
	if errors.As(err, &list) {
		return list.Unwrap()
	}
	return []error{err}
}
