// Command peers compares the codec of package dhcp4 with the Go libraries that
// people use for the same today, github.com/insomniacslk/dhcp and
// github.com/gopacket/gopacket, in one run on one machine, and prints a table
// in Markdown:
//
//	go run . [-short] [-check]
//
// Ours and theirs take turns, so that what else the machine does meets both,
// on one core, so that collecting the garbage counts.
// With -check it exits with status 1 if a ratio is below half of what the
// README claims, or if ours allocates.
//
// Its tests compare what the codecs understand: random messages are written
// by one library and read by the other, with scapy and tshark too.
//
// It is a module of its own, so that nobody who uses dhcp4 gets the peers as
// dependencies.
package main
