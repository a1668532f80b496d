package main

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/embedhcp/embedhcp/lease"
)

// A message is how a record with one of Kea's message ids is told.
type message struct {
	logger string // of Kea that it comes from, without "kea-dhcp4."
	debug  int    // debuglevel that a record of level debug needs
	// text has {name} for an attribute's value, and what is between [ and ]
	// only if there is the first attribute named there; empty: the record's own.
	text string
}

// Kea's debug levels.
const (
	debugCommand = 10
	debugPacket  = 15
	debugBasic   = 40
	debugDetail  = 50
)

// messageOf returns how to tell a record with the id.
func messageOf(id string) message {
	switch id {
	case "DHCP4_LEASE_ALLOC":
		return message{"leases", debugBasic, "lease {address} has been allocated for {lifetime} seconds"}
	case "DHCP4_LEASE_ADVERT", "DHCP4_LEASE_OFFER":
		return message{"leases", debugBasic, "lease {address} is offered, for {lifetime} seconds"}
	case "DHCP4_LEASE_REUSE":
		return message{"leases", debugBasic, "lease {address} is confirmed as it is stored, for {lifetime} seconds"}
	case "DHCP4_RELEASE":
		return message{"leases", debugBasic, "the client has released {address}"}
	case "DHCP4_DECLINE_LEASE":
		return message{"leases", debugBasic, "the client has declined {address}: another host uses it"}
	case "DHCP4_NO_LEASE_INIT_REBOOT":
		return message{"leases", debugDetail, "no answer, the client reboots with an address of which there is no lease"}
	case "DHCP4_PACKET_NAK_0001", "DHCP4_PACKET_NAK_0002", "DHCP4_PACKET_NAK_0003", "DHCP4_PACKET_NAK_0004":
		return message{"bad-packets", debugDetail, "the request gets a DHCPNAK: {reason}"}
	case "DHCP4_SUBNET_SELECTION_FAILED":
		return message{"bad-packets", debugDetail, "no subnet for {type} from {link}[ through the relay agent {giaddr}]: neither its giaddr nor an address of the interface is in one"}
	case "DHCP4_UNKNOWN_ADDRESS_REQUESTED":
		return message{"bad-packets", debugDetail, "{type} from {link} is for an address that this server does not give out"}
	case "DHCP4_PACKET_SEND":
		return message{"packets", debugBasic, ""}
	case "DHCP4_PACKET_SEND_FAIL":
		return message{"packets", debugBasic, "the reply could not be sent: {error}"}
	case "DHCP4_BUFFER_RECEIVE_FAIL":
		return message{"packets", debugBasic, "the socket could not be read: {error}"}
	case "DHCP4_PACKET_OPTIONS_OMITTED":
		return message{"options", debugBasic, ""}
	case "ALLOC_ENGINE_V4_ALLOC_FAIL":
		return message{"alloc-engine", debugBasic, "no address is left for {type} from {link}[; {reserved} is reserved for the client, but another one has it: {lease}]"}
	case "ALLOC_ENGINE_V4_LEASE_RECLAIM":
		return message{"alloc-engine", debugBasic, "lease {address} of {hwaddr} has expired"}
	case "DHCPSRV_LEASE_SANITY_FAIL":
		return message{"dhcpsrv", debugBasic, "lease {address} is in subnet {subnet}, which does not exist or does not have the address; the right one is {right} (0: none)"}
	case "DHCPSRV_LEASE_SANITY_FIXED":
		return message{"dhcpsrv", debugBasic, "lease {address} has been moved from subnet {subnet} to {right}, which has the address"}
	case "DHCPSRV_LEASE_SANITY_FAIL_DISCARD":
		return message{"dhcpsrv", debugBasic, "lease {address} has been deleted: subnet {subnet} does not exist or does not have the address; the right one is {right} (0: none)"}
	case "DHCPSRV_MEMFILE_LFC_SETUP":
		return message{"dhcpsrv", debugBasic, "the lease file is cleaned up every {interval} seconds"}
	case "DHCP4_CONFIG_COMPLETE":
		return message{"dhcp4", debugCommand, "the configuration is complete; IPv4 subnets: {subnets}"}
	}
	return message{loggerOf(id), debugOf(id), ""}
}

func loggerOf(id string) string {
	switch {
	case strings.HasPrefix(id, "DHCP4_PACKET_DROP_"):
		return "bad-packets"
	case strings.HasPrefix(id, "ALLOC_ENGINE_"):
		return "alloc-engine"
	case strings.HasPrefix(id, "DHCPSRV_"), strings.HasPrefix(id, "LFC_"):
		return "dhcpsrv"
	case strings.HasPrefix(id, "HOSTS_"):
		return "hosts"
	case strings.HasPrefix(id, "DCTL_"):
		return "dctl"
	}
	return "dhcp4"
}

func debugOf(id string) int {
	if strings.HasPrefix(id, "DHCP4_PACKET_DROP_") {
		return debugPacket
	}
	return debugBasic
}

// tell returns the text of a log line: the id, the client if it is about one,
// and what has happened. own is the record's own text.
func (m message) tell(id, own string, attrs []slog.Attr) string {
	var b strings.Builder
	b.WriteString(id)
	if id != "" {
		b.WriteByte(' ')
	}
	values := make(map[string]string, len(attrs))
	for _, a := range attrs {
		values[a.Key] = valueText(a.Value)
	}
	if client := values["client"]; client != "" {
		b.WriteString(client + ": ")
	}
	if m.text == "" {
		b.WriteString(own)
		for _, a := range attrs {
			if a.Key != "client" {
				b.WriteString(", " + a.Key + "=" + values[a.Key])
			}
		}
		return oneLine(b.String())
	}
	for text := m.text; text != ""; {
		before, rest, _ := strings.Cut(text, "[")
		b.WriteString(fill(before, values))
		part, after, _ := strings.Cut(rest, "]")
		_, name, _ := strings.Cut(part, "{")
		if name, _, _ = strings.Cut(name, "}"); values[name] != "" {
			b.WriteString(fill(part, values))
		}
		text = after
	}
	return oneLine(b.String())
}

// fill puts the values for their names into text.
func fill(text string, values map[string]string) string {
	var b strings.Builder
	for text != "" {
		before, rest, _ := strings.Cut(text, "{")
		name, after, _ := strings.Cut(rest, "}")
		b.WriteString(before + values[name])
		text = after
	}
	return b.String()
}

// valueText writes an attribute's value, lifetimes in seconds as Kea does.
func valueText(v slog.Value) string {
	v = v.Resolve()
	if v.Kind() != slog.KindDuration {
		return v.String()
	}
	if v.Duration() == lease.Infinite {
		return "4294967295"
	}
	return strconv.FormatInt(int64(v.Duration()/time.Second), 10)
}

// oneLine keeps what clients say from making lines of its own in the log.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s))
}
