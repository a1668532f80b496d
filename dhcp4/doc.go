// Package dhcp4 is a DHCPv4 server to embed (RFC 2131): the message codec,
// the Server and its configuration.
package dhcp4
