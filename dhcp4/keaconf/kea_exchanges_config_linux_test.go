package keaconf_test

import (
	"fmt"
	"strings"
	"testing"
)

// An exchangeVariant is a configuration, and the cases that are run with it.
type exchangeVariant struct {
	name    string
	terms   string // members of Dhcp4
	options string // besides exchangeOptions
	only    string // what names of paths begin with; if empty, all paths are taken
	cases   []func(b *exchangeTable)

	members string // more members of Dhcp4
	subnet  string // members of the second subnet
	shared  bool   // the first two subnets are a shared network
	global  bool   // reservations are global ones
}

func exchangeVariants() []exchangeVariant {
	const timers = `"valid-lifetime": 3600, "renew-timer": 900, "rebind-timer": 1800`
	type cases = []func(b *exchangeTable)
	return []exchangeVariant{
		{name: "not authoritative", terms: timers + `, "authoritative": false`,
			cases: cases{everySituation, dialogues, contents, fullPools, fullLink, relayInformation, oddMessages}},
		{name: "authoritative", only: "direct", terms: timers + `, "authoritative": true`, cases: cases{everySituation, fullPools, fullLink}},
		{name: "calculated times", only: "direct", terms: `"valid-lifetime": 3601, "calculate-tee-times": true, "t1-percent": 0.3, "t2-percent": 0.7`, cases: cases{contents}},
		{name: "no times", only: "direct", terms: `"valid-lifetime": 600, "renew-timer": 600, "rebind-timer": 700`, cases: cases{contents}},
		{name: "endless leases", terms: `"valid-lifetime": 4294967295`, cases: cases{dialogues}},
		{name: "server id", terms: timers, only: "direct", options: `, { "name": "dhcp-server-identifier", "data": "10.1.0.200" }`, cases: cases{contents, oddMessages}},
		{name: "many options", terms: timers + `, "option-def": [
			{ "name": "color", "code": 224, "type": "record", "record-types": "uint16, ipv4-address", "array": false },
			{ "name": "shape", "code": 226, "type": "string" } ]`,
			options: `,
			{ "name": "host-name", "data": "configured" }, { "name": "broadcast-address", "data": "10.1.255.255" },
			{ "name": "domain-search", "data": "example.com, lab.Example.com" }, { "name": "interface-mtu", "data": "1400" },
			{ "name": "netbios-name-servers", "data": "10.1.0.44", "always-send": true }, { "name": "netbios-node-type", "data": "8" },
			{ "name": "tftp-server-name", "data": "tftp.example.com" }, { "name": "boot-file-name", "data": "option67.0" },
			{ "name": "ip-forwarding", "data": "true" },
			{ "name": "color", "data": "7, 10.1.0.7" }, { "name": "shape", "data": "round" }, { "code": 225, "csv-format": false, "data": "0102ff" },
			{ "name": "vendor-class-identifier", "data": "server" },
			{ "name": "vendor-encapsulated-options" , "csv-format": false, "data": "0104c0a80101" },
			{ "name": "vivso-suboptions", "csv-format": false, "data": "0000118b0602040a010045" }`,
			cases: cases{manyOptions}},
		{name: "bounds", terms: timers, only: "direct", members: `, "min-valid-lifetime": 1800, "max-valid-lifetime": 7200`, cases: cases{contents, dialogues}},
		{name: "without echo", terms: timers, only: "direct", members: `, "echo-client-id": false`, cases: cases{contents, dialogues}},
		{name: "by hardware address", terms: timers, only: "direct", members: `, "match-client-id": false`, cases: cases{everySituation, dialogues}},
		{name: "reservations out of pools", terms: timers, only: "direct", members: `, "reservations-out-of-pool": true`, cases: cases{everySituation, dialogues}},
		{name: "no reservations", terms: timers, only: "direct", members: `, "reservations-in-subnet": false`, cases: cases{everySituation}},
		{name: "global reservations", terms: timers, only: "direct", members: `, "reservations-global": true, "reservations-in-subnet": false`, global: true,
			cases: cases{everySituation, dialogues}},
		{name: "a subnet's settings", terms: timers, only: "relayed with", cases: cases{everySituation, dialogues, relaysOfSubnet},
			subnet: `, "authoritative": true, "match-client-id": false, "valid-lifetime": 1000, "min-valid-lifetime": 50, "max-valid-lifetime": 5000,
			"renew-timer": 100, "rebind-timer": 200, "next-server": "10.2.0.9", "server-hostname": "two", "boot-file-name": "two.0",
			"relay": { "ip-addresses": [ "10.66.0.1", "10.1.66.1" ] }`},
		{name: "identifiers", terms: timers, members: `, "host-reservation-identifiers": [ "circuit-id", "hw-address", "duid", "client-id" ]`, cases: cases{otherIdentifiers}},
		{name: "vendor space", terms: timers, only: "direct", options: `,
			{ "name": "vivso-suboptions", "data": "4491" }, { "name": "tftp-servers", "space": "vendor-4491", "data": "10.1.0.69" }`, cases: cases{manyOptions}},
		// Kea prefers the subnet of a shared network that it used last, so
		// that clients of one must not come between those of the other.
		{name: "shared network", terms: timers, shared: true, only: "direct", cases: cases{everySituation, dialogues}},
		{name: "shared network behind relays", terms: timers, shared: true, only: "relayed with", cases: cases{everySituation, dialogues}},
	}
}

// ours returns our Server for the variant.
func (v exchangeVariant) ours(t *testing.T) *ourServer {
	t.Helper()
	_, config, leases := v.build()
	return newOurServer(t, mustServe(t, config).Config, leases)
}

// build makes the cases, the configuration and the lease file.
func (v exchangeVariant) build() (cases []*exchangeCase, config, leases string) {
	b := &exchangeTable{variant: v.name, only: v.only}
	for _, add := range v.cases {
		add(b)
	}
	hosts := make(map[uint32][]string)
	rows := []string{"address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"}
	for _, c := range b.cases {
		subnet := c.subnet
		if v.global {
			subnet = 0
		}
		hosts[subnet] = append(hosts[subnet], c.hosts...)
		rows = append(rows, c.rows...)
	}
	list := func(id uint32) string { return strings.Join(hosts[id], ",\n") }
	members := v.terms + v.members + fmt.Sprintf(`, "option-data": [ %s%s ]`, exchangeOptions, v.options)
	if v.global {
		members += fmt.Sprintf(`, "reservations": [ %s ]`, list(0))
	}
	subnets := fmt.Sprintf(exchangeSubnets, list(1), v.subnet, list(2))
	if v.shared {
		members += `, "shared-networks": [ { "name": "both", "subnet4": [ ` + subnets + ` ] } ]`
		subnets = ""
	} else {
		subnets += ","
	}
	subnets += `{ "id": 4, "subnet": "10.4.0.0/24", "pools": [ { "pool": "10.4.0.10 - 10.4.0.13" } ] }`
	for i := 1; i <= b.subnets; i++ {
		subnets += fmt.Sprintf(`,
		{ "id": %[1]d, "subnet": "10.5.%[2]d.0/24", "pools": [ { "pool": "10.5.%[2]d.10 - 10.5.%[2]d.11" } ], "reservations": [ %[3]s ] }`,
			100+i, i, list(uint32(100+i)))
	}
	return b.cases, fmt.Sprintf(exchangeConfig, members, subnets), strings.Join(rows, "\n") + "\n"
}

// The configuration: members of Dhcp4, options, and the first two subnets with
// their reservations. Clients are direct in the first one and relayed in the
// second.
const (
	exchangeConfig = `{ "Dhcp4": { %s,
	"interfaces-config": { "interfaces": [ "ens33", "ens34" ] },
	"lease-database": { "type": "memfile", "persist": true, "name": "DIR/leases.csv", "lfc-interval": 0 },
	"expired-leases-processing": { "reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0, "hold-reclaimed-time": 3600 },
	"next-server": "10.1.0.9", "server-hostname": "boot", "boot-file-name": "pxe.0",
	"subnet4": [ %s ] } }
`
	exchangeOptions = `
		{ "name": "domain-name-servers", "data": "10.1.0.53, 10.2.0.53" },
		{ "name": "domain-name", "data": "example.com" },
		{ "name": "ntp-servers", "data": "10.1.0.123" },
		{ "name": "time-servers", "data": "10.1.0.37" },
		{ "name": "log-servers", "data": "10.1.0.51", "always-send": true }`
	exchangeSubnets = `
		{ "id": 1, "subnet": "10.1.0.0/16",
		  "pools": [ { "pool": "10.1.16.0 - 10.1.255.250", "option-data": [ { "name": "ntp-servers", "data": "10.1.0.125" } ] } ],
		  "option-data": [ { "name": "routers", "data": "10.1.0.1" }, { "name": "ntp-servers", "data": "10.1.0.124" } ],
		  "reservations": [ %s ] },
		{ "id": 2, "subnet": "10.2.0.0/16"%s, "pools": [ { "pool": "10.2.16.0 - 10.2.255.250" } ],
		  "option-data": [ { "name": "routers", "data": "10.2.0.1" } ],
		  "reservations": [ %s ] }`
)
