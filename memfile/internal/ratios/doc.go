//go:build linux

// Command ratios compares packages memfile, lease and pool with ISC Kea's
// memfile backend, and with limits, in one run on one machine, and prints a
// table in Markdown:
//
//	go run ./memfile/internal/ratios [-scale 0.1] [-check] [-only open,cleanup]
//
// It makes the lease files itself, as Kea writes them: a million leases, and
// three million rows for them. Ours and kea-dhcp4 or kea-lfc take turns, each
// in a process of its own, so that what else the machine does meets both and
// that the memory is theirs alone.
//
// With -check it exits with status 1 if a ratio is below half of what the
// README claims, or if the README does not claim what the program does.
// Without Kea its rows are left out; with CI=true that is a failure.
package main
