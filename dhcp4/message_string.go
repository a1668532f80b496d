package dhcp4

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/embedhcp/embedhcp/option"
)

// maxShown is how many octets of a payload String shows.
const maxShown = 256

// String returns m on one line that reads like what "tcpdump -v" prints: its
// words, its names of options, and its order. "length" is what AppendBinary
// makes of m, not how long the packet was. Text that came from the network is
// quoted and escaped; of a payload the first 256 octets are shown. The format
// is for people and may change.
func (m *Message) String() string {
	b := m.appendHeaderText(make([]byte, 0, 512), ", ")
	for i := range m.Options {
		b = appendOption(append(b, ", "...), &m.Options[i], false)
	}
	return string(b)
}

// AppendLines appends m in several lines, the header as String has it and
// then, behind a tab, one address, field or option in each. An option has its
// name from [option.Code], its code and its length before its value. Every
// line ends with a newline; else what is said of String applies.
func (m *Message) AppendLines(dst []byte) []byte {
	b := m.appendHeaderText(dst, "\n\t")
	for i := range m.Options {
		b = appendOption(append(b, "\n\t"...), &m.Options[i], true)
	}
	return append(b, '\n')
}

// appendHeaderText appends what is not options; sep is between the addresses,
// sname and file.
func (m *Message) appendHeaderText(b []byte, sep string) []byte {
	b = append(b, "BOOTP/DHCP, "...)
	ethernet := m.HType == HTypeEthernet && m.HardwareAddr.Len() == ethAddrLen
	switch {
	case m.Op == OpRequest && ethernet:
		b = append(b, "Request from "...)
		b, _ = m.HardwareAddr.AppendText(b)
	case m.Op == OpRequest:
		b = append(b, "Request"...)
	case m.Op == OpReply:
		b = append(b, "Reply"...)
	default:
		b = append(b, "unknown (0x"...)
		b = appendHex(b, []byte{m.Op})
		b = append(b, ')')
	}
	b = appendCount(b, ", length ", m.encodedLen())
	if m.HType != HTypeEthernet {
		b = appendCount(b, ", htype ", int(m.HType))
	}
	if !ethernet {
		b = appendCount(b, ", hlen ", m.HardwareAddr.Len())
	}
	if m.Hops != 0 {
		b = appendCount(b, ", hops ", int(m.Hops))
	}
	b = append(b, ", xid 0x"...)
	b = strconv.AppendUint(b, uint64(m.XID), 16)
	if m.Secs != 0 {
		b = appendCount(b, ", secs ", int(m.Secs))
	}
	b = append(b, ", Flags [none]"...)
	if m.IsBroadcast() {
		b = append(b[:len(b)-len("none]")], "Broadcast]"...)
	}
	if m.Flags&^FlagBroadcast != 0 {
		b = append(b, " (0x"...)
		b = appendHex(b, binary.BigEndian.AppendUint16(nil, m.Flags))
		b = append(b, ')')
	}
	b = appendAddr(b, sep, "Client-IP ", m.CIAddr)
	b = appendAddr(b, sep, "Your-IP ", m.YIAddr)
	b = appendAddr(b, sep, "Server-IP ", m.SIAddr)
	b = appendAddr(b, sep, "Gateway-IP ", m.GIAddr)
	switch {
	case ethernet && m.Op != OpRequest:
		b = append(append(b, sep...), "Client-Ethernet-Address "...)
		b, _ = m.HardwareAddr.AppendText(b)
	case !ethernet && !m.HardwareAddr.IsZero():
		b = append(append(b, sep...), "Client-Hardware-Address "...)
		b, _ = m.HardwareAddr.AppendText(b)
	}
	b = appendName(b, sep, "sname ", m.SName)
	return appendName(b, sep, "file ", m.File)
}

// A valueKind is how tcpdump shows the payload of an option.
type valueKind uint8

const (
	kindHex     valueKind = iota
	kindAddrs             // 192.168.1.1,9.9.9.9
	kindNumbers           // of as many octets as size says: 43200
	kindText              // "home.example"
	kindType              // Discover
	kindPairs             // (10.0.0.0:192.168.1.1)
	kindRoutes            // (10.0.0.0/8:192.168.1.1)
	kindClient            // ether 00:0c:29:aa:bb:cc
	kindFQDN              // [S] 255/255 "lap"
	kindAgent             // Circuit-ID "eth0"
	kindNames             // "lab.example.com","example.com"
)

// shownAs returns the name that tcpdump gives to an option, and how it shows
// the value. The name is empty if it is "Unknown" to tcpdump.
func shownAs(c option.Code) (name string, kind valueKind, size int) {
	switch c {
	case 1:
		return "Subnet-Mask", kindAddrs, 0
	case 2:
		return "Time-Zone", kindNumbers, 4
	case 3:
		return "Default-Gateway", kindAddrs, 0
	case 4:
		return "Time-Server", kindAddrs, 0
	case 6:
		return "Domain-Name-Server", kindAddrs, 0
	case 7:
		return "LOG", kindAddrs, 0
	case 12:
		return "Hostname", kindText, 0
	case 15:
		return "Domain-Name", kindText, 0
	case 17:
		return "RP", kindText, 0
	case 23:
		return "TTL", kindNumbers, 1
	case 26:
		return "MTU", kindNumbers, 2
	case 28:
		return "BR", kindAddrs, 0
	case 31:
		return "Router-Discovery", kindNumbers, 1
	case 33:
		return "Static-Route", kindPairs, 0
	case 42:
		return "NTP", kindAddrs, 0
	case 43:
		return "Vendor-Option", kindHex, 0
	case 44:
		return "Netbios-Name-Server", kindAddrs, 0
	case 46:
		return "Netbios-Node", kindNumbers, 1
	case 47:
		return "Netbios-Scope", kindText, 0
	case 50:
		return "Requested-IP", kindAddrs, 0
	case 51:
		return "Lease-Time", kindNumbers, 4
	case codeMessageType:
		return "DHCP-Message", kindType, 0
	case 54:
		return "Server-ID", kindAddrs, 0
	case 55:
		return "Parameter-Request", kindNumbers, 1
	case 56:
		return "MSG", kindText, 0
	case 57:
		return "MSZ", kindNumbers, 2
	case 58:
		return "RN", kindNumbers, 4
	case 59:
		return "RB", kindNumbers, 4
	case 60:
		return "Vendor-Class", kindText, 0
	case 61:
		return "Client-ID", kindClient, 0
	case 66:
		return "TFTP", kindText, 0
	case 67:
		return "BF", kindText, 0
	case 72:
		return "WWW", kindAddrs, 0
	case 77:
		return "User-Class", kindText, 0
	case 81:
		return "FQDN", kindFQDN, 0
	case 82:
		return "Agent-Information", kindAgent, 0
	case 93:
		return "ARCH", kindNumbers, 2
	case 94:
		return "NDI", kindHex, 0
	case 97:
		return "GUID", kindHex, 0
	case 100:
		return "POSIX-TZ", kindText, 0
	case 101:
		return "TZ-Name", kindText, 0
	case 114:
		return "URL", kindText, 0
	case 121:
		return "Classless-Static-Route", kindRoutes, 0
	case 150:
		return "TFTP-Server-Address", kindAddrs, 0
	case 161:
		return "MUD-URL", kindText, 0
	case 249:
		return "Classless-Static-Route-Microsoft", kindRoutes, 0
	}
	kind, size = alsoShownAs(c)
	return "", kind, size
}

// alsoShownAs returns how options are shown that tcpdump shows in hexadecimal.
func alsoShownAs(c option.Code) (kind valueKind, size int) {
	switch c {
	case 5, 8, 9, 10, 11, 16, 32, 41, 45, 48, 49, 65, 68, 69, 70, 71, 73, 74, 75, 76, 85, 92, 112, 118, 138:
		return kindAddrs, 0
	case 19, 20, 27, 29, 30, 34, 36, 37, 39, 116:
		return kindNumbers, 1
	case 13, 22, 25, 117:
		return kindNumbers, 2
	case 24, 35, 38, 91, 108, 152, 153, 154, 155, 211:
		return kindNumbers, 4
	case 14, 18, 40, 64, 86, 87, 98, 113, 147, 209, 210, 252:
		return kindText, 0
	case 21:
		return kindPairs, 0
	case 119:
		return kindNames, 0
	}
	return kindHex, 0
}

// agentName returns tcpdump's name of a sub-option of option 82.
func agentName(c option.Code) string {
	switch c {
	case 1:
		return "Circuit-ID"
	case 2:
		return "Remote-ID"
	case 5:
		return "Link-selection"
	case 6:
		return "Subscriber-ID"
	}
	return "Unknown (" + strconv.Itoa(int(c)) + ")"
}

// appendOption appends the name and the value: tcpdump's name, or, in a line
// of its own, ours with the code and the length. A payload that does not fit
// the option's kind is shown in hexadecimal.
func appendOption(b []byte, o *option.Option, ownLine bool) []byte {
	if o.Err() != nil {
		return append(append(b, "invalid "...), o.Err().Error()...)
	}
	name, kind, size := shownAs(o.Code)
	if ownLine || name == "" {
		name = o.Code.String()
	}
	b = append(b, name...)
	if ownLine {
		b = append(appendCount(b, ", length ", len(o.Data)), ':')
	}
	b = append(b, ' ')
	data := o.Data
	if len(data) > maxShown {
		data = data[:maxShown]
	}
	mark := len(b)
	b, ok := appendValue(b, kind, size, data)
	if !ok {
		b = appendOctets(b[:mark], data)
	}
	if len(data) < len(o.Data) {
		b = append(b, "..."...)
	}
	return b
}

func appendValue(b []byte, kind valueKind, size int, data []byte) (_ []byte, ok bool) {
	switch kind {
	case kindAddrs:
		return appendList(b, data, 4, append4)
	case kindNumbers:
		return appendList(b, data, size, func(b, e []byte) []byte {
			var v uint64
			for _, octet := range e {
				v = v<<8 | uint64(octet)
			}
			return strconv.AppendUint(b, v, 10)
		})
	case kindPairs:
		return appendList(b, data, 8, func(b, e []byte) []byte {
			b = append4(append(b, '('), e)
			return append(append4(append(b, ':'), e[4:]), ')')
		})
	case kindText:
		return appendQuoted(b, data), true
	case kindType:
		if len(data) == 0 {
			return b, false
		}
		return append(b, MessageType(data[0]).String()...), true
	case kindRoutes:
		return appendRoutes(b, data)
	case kindClient:
		return appendClientID(b, data)
	case kindFQDN:
		return appendFQDN(b, data)
	case kindAgent:
		return appendAgent(b, data)
	case kindNames:
		return appendNames(b, data)
	}
	return b, false
}

// appendList appends the elements of data, each of size octets.
func appendList(b, data []byte, size int, element func(b, e []byte) []byte) ([]byte, bool) {
	if len(data) == 0 || len(data)%size != 0 {
		return b, false
	}
	for i := 0; i < len(data); i += size {
		if i > 0 {
			b = append(b, ',')
		}
		b = element(b, data[i:i+size])
	}
	return b, true
}

// appendRoutes reads the destinations and routers of RFC 3442.
func appendRoutes(b, data []byte) ([]byte, bool) {
	ok := len(data) > 0
	for first := true; ok && len(data) > 0; first = false {
		bits := int(data[0])
		octets := (bits + 7) / 8
		if bits > 32 || len(data) < 1+octets+4 {
			return b, false
		}
		var dest [4]byte
		copy(dest[:], data[1:1+octets])
		if !first {
			b = append(b, ',')
		}
		b = appendCount(append4(append(b, '('), dest[:]), "/", bits)
		b = append(append4(append(b, ':'), data[1+octets:]), ')')
		data = data[1+octets+4:]
	}
	return b, ok
}

// appendClientID reads the type and address of RFC 2132, section 9.14.
func appendClientID(b, data []byte) ([]byte, bool) {
	if len(data) < 2 {
		return b, false
	}
	if data[0] == HTypeEthernet && len(data) == 1+ethAddrLen {
		b = append(b, "ether "...)
	} else {
		b = append(appendCount(b, "hardware-type ", int(data[0])), ' ')
	}
	for i, octet := range data[1:] {
		if i > 0 {
			b = append(b, ':')
		}
		b = appendHex(b, []byte{octet})
	}
	return b, true
}

// appendFQDN reads the flags, return codes and name of RFC 4702.
func appendFQDN(b, data []byte) ([]byte, bool) {
	if len(data) < 3 {
		return b, false
	}
	b = append(b, '[')
	for i, letter := range []byte("NEOS") {
		if data[0]&(8>>i) != 0 {
			b = append(b, letter)
		}
	}
	b = appendCount(append(b, "] "...), "", int(data[1]))
	b = append(appendCount(b, "/", int(data[2])), ' ')
	return appendQuoted(b, data[3:]), true
}

// appendAgent reads the sub-options of RFC 3046.
func appendAgent(b, data []byte) ([]byte, bool) {
	if len(data) == 0 {
		return b, false
	}
	b = append(b, '[')
	for first := true; len(data) > 0; first = false {
		if len(data) < 2 || len(data) < 2+int(data[1]) {
			return b, false
		}
		if !first {
			b = append(b, ", "...)
		}
		code, value := option.Code(data[0]), data[2:2+int(data[1])]
		b = append(append(b, agentName(code)...), ' ')
		switch {
		case code == 5 && len(value) == 4:
			b = append4(b, value)
		case isPrintable(value):
			b = appendQuoted(b, value)
		default:
			b = appendOctets(b, value)
		}
		data = data[2+len(value):]
	}
	return append(b, ']'), true
}

// appendNames reads the domain names of RFC 3397, compressed as in RFC 1035,
// section 4.1.4.
func appendNames(b, data []byte) ([]byte, bool) {
	for at := 0; at < len(data); {
		if at > 0 {
			b = append(b, ',')
		}
		name, next, ok := readName(data, at)
		if !ok {
			return b, false
		}
		b = appendQuoted(b, name)
		at = next
	}
	return b, len(data) > 0
}

// maxName is the length of the longest domain name in octets (RFC 1035,
// section 2.3.4).
const maxName = 255

// readName returns the name at data[at:] and where the next one starts.
func readName(data []byte, at int) (name []byte, next int, ok bool) {
	for limit := at; at < len(data); {
		n := int(data[at])
		switch end := at + 1 + n; {
		case n == 0:
			return name, max(next, end), true
		case n >= 0xc0: // the rest is at an earlier place
			if at+1 == len(data) {
				return nil, 0, false
			}
			next = max(next, at+2)
			at = n&0x3f<<8 | int(data[at+1])
			if at >= limit {
				return nil, 0, false
			}
			limit = at
		case n > 63 || end > len(data) || len(name)+n >= maxName:
			return nil, 0, false
		default:
			if len(name) > 0 {
				name = append(name, '.')
			}
			name = append(name, data[at+1:end]...)
			at = end
		}
	}
	return nil, 0, false
}

func isPrintable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func appendCount(b []byte, label string, n int) []byte {
	return strconv.AppendInt(append(b, label...), int64(n), 10)
}

// appendAddr appends nothing for an address that says nothing.
func appendAddr(b []byte, sep, label string, a netip.Addr) []byte {
	if !a.IsValid() || a.Unmap() == netip.IPv4Unspecified() {
		return b
	}
	return a.Unmap().AppendTo(append(append(b, sep...), label...))
}

// appendName appends nothing for an empty sname or file.
func appendName(b []byte, sep, label string, name []byte) []byte {
	if len(name) == 0 {
		return b
	}
	return appendQuoted(append(append(b, sep...), label...), name)
}

func appendQuoted(b, text []byte) []byte {
	return strconv.AppendQuoteToASCII(b, string(text))
}

// append4 appends the IPv4 address at the start of octets.
func append4(b, octets []byte) []byte {
	return netip.AddrFrom4([4]byte(octets)).AppendTo(b)
}

// appendOctets appends "0x" and the octets, or says that there are none.
func appendOctets(b, octets []byte) []byte {
	if len(octets) == 0 {
		return append(b, "(empty)"...)
	}
	return appendHex(append(b, "0x"...), octets)
}

func appendHex(b, octets []byte) []byte {
	const digits = "0123456789abcdef"
	for _, octet := range octets {
		b = append(b, digits[octet>>4], digits[octet&15])
	}
	return b
}
