package dhcp4

// hostname returns the client's name: the reserved one, else what it calls
// itself (option 12), cleaned as Kea does: lower case, and nothing but
// letters, digits, dots and hyphens. It is empty if there is none, or if it is
// longer than any name in DNS.
func (x *Exchange) hostname() string {
	if x.host != nil && x.host.conf.Hostname != "" {
		return x.host.conf.Hostname
	}
	raw, _ := x.Request.Options.Lookup(codeHostName)
	x.name = x.name[:0]
	for _, c := range raw {
		switch {
		case 'A' <= c && c <= 'Z':
			x.name = append(x.name, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '-':
			x.name = append(x.name, c)
		}
	}
	for len(x.name) > 0 && x.name[len(x.name)-1] == '.' {
		x.name = x.name[:len(x.name)-1]
	}
	if len(x.name) > 253 {
		return ""
	}
	// A renewal sends the same name again: no new string for that.
	if c := x.Current; c != nil && c.Hostname == string(x.name) {
		return c.Hostname
	}
	return string(x.name)
}
