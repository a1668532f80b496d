package keaconf

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

func isInfinite(d time.Duration) bool { return d >= lease.Infinite }

// leaseFile reads where leases are kept, and how they are checked.
func (s *service) leaseFile(m, check *node) {
	f := &s.server.LeaseFile
	*f = LeaseFile{Path: DefaultLeaseFile, CleanUp: time.Hour, Check: lease.CheckWarn}
	if check != nil {
		f.Check, _ = lease.ParseSubnetCheck(check.str) // the verdict was that it is one
	}
	if m == nil {
		return
	}
	if n := m.get("name"); n != nil && n.str != "" {
		f.Path = n.str
		// Newer versions keep the file in one directory, and may be told its
		// name alone.
		if s.is30() && !strings.Contains(n.str, "/") {
			f.Path = DefaultLeaseFile[:strings.LastIndexByte(DefaultLeaseFile, '/')+1] + n.str
		}
	}
	if n := m.get("lfc-interval"); n != nil {
		f.CleanUp = seconds(n.num)
	}
	if n := m.get("max-row-errors"); n != nil {
		f.MaxRowErrors = int(min(n.num, math.MaxInt32))
	}
	if n := m.get("persist"); n != nil && !n.b {
		*f = LeaseFile{}
	}
}

// interfaces reads where to listen.
func (s *service) interfaces(m *node) {
	to := &s.server.Interfaces
	to.RetryWait = 5 * time.Second
	for _, n := range m.list("interfaces") {
		name, text, _ := strings.Cut(strings.Trim(n.str, " \t"), "/")
		i := Interface{Name: strings.Trim(name, " \t")}
		if i.Name == "*" {
			to.All = true
			continue
		}
		i.Addr, _ = netip.ParseAddr(strings.Trim(text, " \t"))
		to.Names = append(to.Names, i)
	}
	if to.All {
		for _, i := range to.Names {
			if i.Addr.IsValid() {
				s.warnings = append(s.warnings, Problem{
					Pos: m.get("interfaces").pos, Path: fmt.Sprintf("Dhcp4.interfaces-config.interfaces (%s/%v)", i.Name, i.Addr),
					Text: `"*" hears all addresses of the interface, not only this one`, Hint: `leave "*" out and name the interfaces`,
				})
			}
		}
	}
	if n := m.get("dhcp-socket-type"); n != nil {
		to.UDP = n.str == "udp"
	}
	if n := m.get("service-sockets-require-all"); n != nil {
		to.RequireAll = n.b
	}
	if n := m.get("service-sockets-max-retries"); n != nil {
		to.Retries = int(min(int64(uint32(n.num)), math.MaxInt32))
	}
	if n := m.get("service-sockets-retry-wait-time"); n != nil {
		to.RetryWait = time.Duration(uint32(n.num)) * time.Millisecond
	}
	if len(to.Names) == 0 && !to.All {
		s.warnings = append(s.warnings, Problem{Path: "Dhcp4.interfaces-config.interfaces", Text: "no interface is named, so no client is heard", Hint: `name them, or write "*" for all`})
		if m != nil {
			s.warnings[len(s.warnings)-1].Pos = m.pos
		}
	}
}

var severities = [...]string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG", "NONE"}

// logger reads what Kea looks at when it starts only.
func (s *service) logger(m *node) {
	l := Logger{Name: m.get("name").text(), Severity: strings.ToUpper(m.get("severity").text())}
	switch n := m.get("severity"); {
	case l.Name == "":
		s.refuse(m, "the logger has no name", `"kea-dhcp4" is the logger of everything`)
	case n == nil:
		s.refuse(m, "the logger has no severity, without which Kea does not start either", `"severity": "INFO"`)
	case !slices.Contains(severities[:], l.Severity):
		s.refuse(n, "the severity is none of FATAL, ERROR, WARN, INFO, DEBUG and NONE", "")
	}
	if n := m.get("debuglevel"); n != nil {
		if n.num < 0 || n.num > 99 {
			s.refuse(n, "the level is not between 0 and 99", "")
		}
		l.DebugLevel = int(n.num)
	}
	outputs := m.list("output_options")
	if outputs == nil {
		outputs = m.list("output-options")
	}
	for _, n := range outputs {
		l.Outputs = append(l.Outputs, s.output(n))
	}
	s.server.Loggers = append(s.server.Loggers, l)
}

func (s *service) output(m *node) Output {
	o := Output{Name: m.get("output").text(), Flush: true, MaxSize: 10_240_000, MaxVer: 1, Pattern: m.get("pattern").text()}
	if o.Name == "" {
		s.refuse(m, "the output is missing", "it is stdout, stderr, syslog or the name of a file")
	}
	if n := m.get("flush"); n != nil {
		o.Flush = n.b
	}
	if n := m.get("maxsize"); n != nil {
		o.MaxSize = n.num
	}
	if n := m.get("maxver"); n != nil {
		if n.num < 1 || n.num > 9999 {
			s.refuse(n, "the number of files is not between 1 and 9999", "")
		}
		o.MaxVer = int(n.num)
	}
	return o
}
