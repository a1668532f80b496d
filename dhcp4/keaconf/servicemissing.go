package keaconf

import (
	"slices"
	"strconv"
	"strings"
)

// A missing says what happens to a key whose feature the Server does not have,
// unless the key has a value that changes nothing.
type missing struct {
	scopes  string // where, with blanks between
	key     string
	fine    string // the values that change nothing, with | between; as text writes them
	harm    bool   // serving without it does harm, so it is refused; else it is a warning
	why     string
	instead string
}

const (
	networkScopes = "Dhcp4 shared-networks subnet4"
	poolScopes    = "Dhcp4 shared-networks subnet4 pools"
	databaseTypes = "hosts-database hosts-databases config-databases"

	noDDNS    = "no DNS updates are sent"
	noSuffix  = "names of clients are not completed"
	noNames   = "names of clients are not replaced"
	noChars   = "of a client's name, letters, digits, dots and hyphens are kept, and nothing takes the place of others"
	noClasses = "clients are not classified yet"
	noTLS     = "it is about a database on another host, which memfile is not"
	noControl = "there is no control channel yet"
)

// missingFeatures is the table of all keys that are valid but not served. An
// entry goes when its feature comes; servedKeys then gets the key.
func missingFeatures() []missing {
	return []missing{
		// Clients and leases.
		{"lease-database", "type", "memfile", true, "leases are kept in a file or in memory", `use "memfile"; kea-admin lease-dump writes what the database has as a lease file`},
		{"sanity-checks", "extended-info-checks", "fix", false, "what relay agents added is taken as the lease file has it", ""},
		{"compatibility", "exclude-first-last-24", "false", true, "of a pool, only the first and last address of its subnet are left out", "write pools without the addresses .0 and .255"},
		{"compatibility", "lenient-option-parsing", "false|true", false, "", ""},

		// Reservations.
		{"reservations", "flex-id", "", false, "what a client's flex-id is, no file says: without a function of the program nobody has one", "in Go, set Config.FlexID"},
		{"reservations", "client-classes", "[]", true, noClasses, "give the options of the class to the reservation"},
		{"Dhcp4", "early-global-reservations-lookup", "false|true", false, "", ""}, // it is about the classes of reservations
		{"Dhcp4", "ip-reservations-unique", "true", true, "an address is reserved for one client", "write one reservation for each address"},
		{"Dhcp4", "reservations-lookup-first", "false", false, "reservations are always looked up first", ""},
		{"Dhcp4", "hosts-database", "", true, "reservations come from this file", "write them here; in Go, a dhcp4.HostFinder asks any database"},
		{"Dhcp4", "hosts-databases", "[]", true, "reservations come from this file", "write them here; in Go, a dhcp4.HostFinder asks any database"},

		// Classes.
		{"shared-networks subnet4 pools", "client-class", "", true, noClasses, "leave it out if all clients may be served"},
		{"shared-networks subnet4 pools option-data", "client-classes", "[]", true, noClasses, "leave it out if it is for all clients"},
		{"shared-networks subnet4 pools", "require-client-classes", "[]", true, noClasses, "leave it out"},
		{"shared-networks subnet4 pools", "evaluate-additional-classes", "[]", true, noClasses, "leave it out"},

		// Names and DNS.
		{"dhcp-ddns", "enable-updates", "false", true, "DNS is not updated yet", `write "enable-updates": false if names need not be in DNS`},
		{poolScopes, "ddns-qualifying-suffix", "", true, noSuffix, "reserve full names"},
		{"dhcp-ddns", "qualifying-suffix", "", true, noSuffix, "reserve full names"},
		{poolScopes, "ddns-replace-client-name", "never", true, noNames, `use "never", and reserve names`},
		{"dhcp-ddns", "replace-client-name", "never", true, noNames, `use "never", and reserve names`},
		{poolScopes + " dhcp-ddns", "hostname-char-set", "[^A-Za-z0-9.-]", true, noChars, "leave it out"},
		{poolScopes + " dhcp-ddns", "hostname-char-replacement", "", true, noChars, "leave it out"},
		{poolScopes, "ddns-send-updates", "true|false", false, "", ""},
		{poolScopes, "ddns-override-no-update ddns-override-client-update", "false", false, noDDNS, ""},
		{"dhcp-ddns", "override-no-update override-client-update", "false", false, noDDNS, ""},
		{poolScopes, "ddns-generated-prefix", "myhost", false, noDDNS, ""},
		{"dhcp-ddns", "generated-prefix", "myhost", false, noDDNS, ""},
		{poolScopes, "ddns-update-on-renew", "false", false, noDDNS, ""},
		{networkScopes, "ddns-use-conflict-resolution", "true", false, noDDNS, ""},
		{poolScopes, "ddns-conflict-resolution-mode", "check-with-dhcid", false, noDDNS, ""},
		{poolScopes, "ddns-ttl-percent ddns-ttl ddns-ttl-min ddns-ttl-max", "0", false, noDDNS, ""},

		// Around the server.
		{"Dhcp4", "config-control", "", true, "the configuration comes from this file", "write it here"},
		{"Dhcp4", "server-tag", "", false, "it is about configuration from a database", ""},
		{"Dhcp4", "control-socket", "", false, noControl, "SIGHUP loads the file again"},
		{"Dhcp4", "control-sockets", "[]", false, noControl, "SIGHUP loads the file again"},
		{"Dhcp4", "dhcp4o6-port", "0", true, "DHCPv4 over DHCPv6 is not served", "leave it out"},
		{"subnet4", "4o6-interface 4o6-interface-id 4o6-subnet", "", true, "DHCPv4 over DHCPv6 is not served", "leave it out"},
		{"multi-threading", "enable-multi-threading", "false", false, "each interface has a thread of its own", ""},
		{"multi-threading", "thread-pool-size", "0", false, "each interface has a thread of its own", ""},
		{"multi-threading", "packet-queue-size", "64", false, "packets wait in the socket", ""},
		{"dhcp-queue-control", "enable-queue", "false", false, "packets wait in the socket", ""},
		{"Dhcp4", "parked-packet-limit", "256", false, "it is about hooks, of which there are none", ""},
		{"Dhcp4", "statistic-default-sample-count", "20", false, noControl, ""},
		{"Dhcp4", "statistic-default-sample-age", "0", false, noControl, ""},
		{"interfaces-config", "outbound-interface", "same-as-inbound", true, "an answer leaves where the request came in", `use "same-as-inbound"`},
		{"interfaces-config", "re-detect", "true", false, "interfaces are always looked up", ""},
		{"lease-database", "user password host connect-timeout read-timeout write-timeout tcp-user-timeout max-reconnect-tries reconnect-wait-time on-fail retry-on-startup trust-anchor cert-file key-file cipher-list port", "", false, noTLS, ""},
	}
}

// servedKeys are the keys that the Server, or the program around it, honours;
// those of scopes inside a key that is refused or left out as a whole count as
// dealt with.
func servedKeys() map[string]string {
	const (
		all     = " user-context comment "
		network = all + "valid-lifetime min-valid-lifetime max-valid-lifetime renew-timer rebind-timer calculate-tee-times t1-percent t2-percent" +
			" cache-threshold cache-max-age authoritative match-client-id store-extended-info next-server server-hostname boot-file-name option-data" +
			" allocator offer-lifetime reservations-global reservations-in-subnet reservations-out-of-pool reservation-mode "
		around = "authentication clients http-headers control-socket control-sockets config-control " + databaseTypes
	)
	keys := map[string]string{
		"Dhcp4": network + "subnet4 shared-networks interfaces-config lease-database echo-client-id stash-agent-options reservations host-reservation-identifiers option-def hooks-libraries client-classes" +
			" expired-leases-processing dhcp-queue-control dhcp-ddns decline-probation-period sanity-checks multi-threading compatibility loggers",
		// What tunes Kea's timers is dealt with by small steps: see expiry.
		"expired-leases-processing": "hold-reclaimed-time reclaim-timer-wait-time flush-reclaimed-timer-wait-time" +
			" max-reclaim-leases max-reclaim-time unwarned-reclaim-cycles",
		"shared-networks":   network + "name subnet4 interface relay",
		"subnet4":           network + "subnet id interface relay pools reservations",
		"pools":             all + "pool pool-id option-data",
		"reservations":      all + "hw-address duid circuit-id client-id ip-address hostname option-data next-server server-hostname boot-file-name",
		"option-data":       all + "name code space csv-format data always-send never-send",
		"relay":             "ip-address ip-addresses",
		"compatibility":     "ignore-dhcp-server-identifier ignore-rai-link-selection",
		"option-def":        all + "name code type record-types space encapsulate array",
		"client-classes":    "*", // judged as a whole
		"hooks-libraries":   "*",
		"interfaces-config": all + "interfaces dhcp-socket-type service-sockets-require-all service-sockets-retry-wait-time service-sockets-max-retries",
		"lease-database":    "name persist lfc-interval max-row-errors",
		"sanity-checks":     "lease-checks",
		"loggers":           all + "name severity debuglevel output_options output-options",
		"output_options":    "output flush maxsize maxver pattern",
		"dhcp-ddns":         "*", // what is not in the table is about the updates
		// The other keys tune what enable-queue turns on.
		"dhcp-queue-control": "*",
		"multi-threading":    all,
	}
	for scope := range strings.FieldsSeq(around) {
		keys[scope] = "*"
	}
	return keys
}

// A place is a key in a scope.
type place struct{ scope, key string }

// A serviceTable tells what to do with each key.
type serviceTable struct {
	missing map[place]missing
	served  map[place]bool
}

func newServiceTable() *serviceTable {
	t := &serviceTable{make(map[place]missing), make(map[place]bool)}
	for _, m := range missingFeatures() {
		for scope := range strings.FieldsSeq(m.scopes) {
			for key := range strings.FieldsSeq(m.key) {
				t.missing[place{scope, key}] = m
			}
		}
	}
	for scope, keys := range servedKeys() {
		for key := range strings.FieldsSeq(keys) {
			t.served[place{scope, key}] = true
		}
	}
	return t
}

// knows tells whether something happens to the key.
func (t *serviceTable) knows(scope, key string) bool {
	_, missing := t.missing[place{scope, key}]
	return missing || t.served[place{scope, key}] || t.served[place{scope, "*"}]
}

// missing reports all keys below d that are not served.
func (s *service) missing(d *node) {
	s.missingIn(d, newServiceTable())
	for _, l := range d.list("hooks-libraries") {
		s.hook(l)
	}
}

func (s *service) missingIn(m *node, t *serviceTable) {
	for _, f := range m.fields {
		n := f.value
		if n == nil {
			continue
		}
		row, missing := t.missing[place{m.scope, f.key}]
		switch {
		case !t.knows(m.scope, f.key):
			s.refuse(n, "the key is not served", "leave it out")
			continue
		case !missing && !t.served[place{m.scope, f.key}]:
			continue // judged as a whole
		case !missing || row.isFine(n):
		case row.harm:
			s.refuse(n, row.why, row.instead)
			continue
		default:
			s.without(n, row.why, row.instead)
			continue
		}
		if n.kind == tokOpenMap && n.scope != "" {
			s.missingIn(n, t)
		}
		for _, item := range n.items {
			if item.kind == tokOpenMap && item.scope != "" {
				s.missingIn(item, t)
			}
		}
	}
}

// isFine tells whether n changes nothing.
func (m *missing) isFine(n *node) bool {
	return slices.Contains(strings.Split(m.fine, "|"), valueText(n))
}

// valueText writes a value as a missing has it.
func valueText(n *node) string {
	switch n.kind {
	case tokInt:
		return strconv.FormatInt(n.num, 10)
	case tokFloat:
		return strconv.FormatFloat(n.flt, 'g', -1, 64)
	case tokBool:
		return strconv.FormatBool(n.b)
	case tokOpenList:
		if len(n.items) == 0 {
			return "[]"
		}
		return "[…]"
	case tokOpenMap:
		return "{…}"
	}
	return n.str
}

// hook refuses a library and says what does its work here.
func (s *service) hook(l *node) {
	n := l.get("library")
	if n == nil {
		return
	}
	name := n.str[strings.LastIndexByte(n.str, '/')+1:]
	name = strings.TrimSuffix(strings.TrimPrefix(name, "libdhcp_"), ".so")
	instead := "remove it if clients can do without"
	switch name {
	case "lease_cmds", "stat_cmds":
		instead = "in Go, the lease.Store has all leases; commands do not exist yet"
	case "host_cmds", "host_cache", "radius", "flex_id", "user_chk", "mysql_cb", "pgsql_cb", "cb_cmds":
		instead = "in Go, a dhcp4.HostFinder says what each client gets"
	case "subnet_cmds", "class_cmds":
		instead = "change the file and send SIGHUP; in Go, Server.Reconfigure"
	case "run_script", "legal_log", "forensic_log":
		instead = "in Go, Server.Events tells of each lease; the log has them too"
	case "ha":
		instead = "several servers may share one lease.Store that a program brings; a lease file is for one"
	case "mysql", "pgsql":
		instead = "memfile keeps leases without"
	}
	s.refuse(n, "hooks libraries are not loaded", instead)
}
