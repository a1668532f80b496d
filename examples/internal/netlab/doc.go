// Package netlab lets the end-to-end tests of the examples put hosts into
// network namespaces, join them, and run DHCP clients that people use on them:
// dhclient, udhcpc, dhcpcd and systemd-networkd. Everything ends with the test.
// It is for Linux and needs root.
package netlab
