// Command scale measures what a large configuration costs, 10,000 subnets with
// 1,000,000 reservations, next to one of each, and prints a table in Markdown:
//
//	go run ./dhcp4/internal/scale [-subnets n] [-reservations n] [-requests n] [-check]
//
// A request is a relayed renewal that the Server looks up, decides, stores in
// memory and answers. Both servers have the same clients with the same leases;
// the one with a single subnet knows them by their leases only. They take
// turns, so that what else the machine does meets both. With -check it exits
// with status 1 if a limit is exceeded.
package main
