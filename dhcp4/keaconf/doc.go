// Package keaconf reads the configuration file of ISC Kea's DHCPv4 server, as
// an operator of Kea has it, and judges it as kea-dhcp4 -t does.
//
//	c, err := keaconf.Load("/etc/kea/kea-dhcp4.conf", nil)
//	if err != nil {
//		return err // every mistake, with position, path and "did you mean"
//	}
//	for _, w := range c.Warnings {
//		log.Print(w.Error())
//	}
//
// The syntax is Kea's: JSON with #, // and /* */ comments, include directives
// and commas too many. Which keys there are, what they hold and how they
// depend on each other follows Kea 2.2.0 or 3.0.4; unless [Options] asks for
// one of them, what either takes is taken. A file that is wrong is refused
// with an [Error] whose first problem is the one at which Kea stops.
//
// Kea takes some option data that no client can use, and we refuse: an IPv6
// address for an IPv4 one, domain names with blanks or beyond ASCII. Of the
// host it knows what the functions in Options tell. It does not look at paths
// of files and sockets, as Kea 3.0 does.
//
// [Config.Server] makes a [dhcp4.Config] of the file. A key whose feature the
// Server lacks is an error, or a warning where serving without it does no
// harm; none is passed over in silence. Where a default of package dhcp4 is
// not Kea's, the file means what it means to Kea:
//
//   - free addresses are offered one after the other ([pool.Sequential]), unless allocator says otherwise;
//   - T1 and T2 are sent only if renew-timer, rebind-timer, calculate-tee-times or the options 58 and 59 give them;
//   - option 54 is the server identifier; 1, 51 and 53 have no effect;
//   - an option that one scope never sends is not sent because a smaller one has it;
//   - options in a space such as vendor-4491 go into option 125, together with those of the scopes around;
//   - reservations outside subnets count only with reservations-global;
//   - a renewal within the first quarter of a lease is not stored if the version is 3.0 and cache-threshold is not given;
//   - ids of subnets are given to those of shared networks first;
//   - leases are in /var/lib/kea/kea-leases4.csv.
//
// These stay as in package dhcp4: an offered address is kept for its client,
// for a minute or offer-lifetime; a lease is taken back when it expires, and a
// released one is held for its client as an expired one is; pools never give
// out the server's own addresses, nor those of the network and of broadcasts;
// an infinite lease has no T1 and T2; the options that clients and relay agents
// send are not configured; a vendor's options are for clients that name the
// vendor, all of them. Subnets that overlap, which Kea takes, are refused.
// Reservations by flex-id are found once the program sets FlexID in the
// [dhcp4.Config].
//
// The package does not serve and opens nothing but the file and what it
// includes.
package keaconf
