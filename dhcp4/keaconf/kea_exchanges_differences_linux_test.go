package keaconf_test

// exchangeDifferences are those that are meant to be. A line counts for the
// first that fits.
func exchangeDifferences() []difference {
	const (
		reservedKnown = `reserved[^/]*/INIT-REBOOT`
		granted       = `answer: Kea (silence|NACK), ours ACK|lease .*: Kea nothing, ours \[.*\] subnet \d+ 3600 s since now state 0 .*`
		naked         = `answer: Kea silence, ours NACK`
	)
	return []difference{
		// The form of answers.
		{``, `length: Kea less than 300, ours 300 or more`, 993,
			"RFC 951, section 3: a message has 300 octets, and some relay agents and clients drop shorter ones"},
		{``, `frame to: Kea the sender, ours all`, 532,
			"RFC 1122, section 3.3.6: an IP broadcast is a link-layer broadcast"},
		{``, `option dhcp-message \(56\): Kea nothing, ours [0-9a-f]+`, 863,
			"RFC 2131, table 3: a NAK should say why in a message"},
		{`INFORM`, `option subnet-mask \(1\): Kea nothing, ours ffff(00|ff)00`, 897,
			"RFC 2131, section 4.3.5: a client gets what it asks for, but nothing about a lease; Kea makes the mask together with the lease"},
		{`name with a dot at its end`, `(option host-name \(12\)|lease [0-9.]+): .*`, 162,
			"RFC 952: a host name does not end in a dot; Kea takes it off from names of one label only"},

		// Where answers go.
		{``, `flags: Kea 0000, ours 8000`, 369,
			"RFC 2131, section 4.3.2: the relay agent is to broadcast a NAK, for which it needs the broadcast bit"},
		{`RENEWING|REBINDING|renews|moved|gives way|no hardware address`, `to: Kea [0-9.]+ port 68, ours 255\.255\.255\.255 port 68`, 311,
			"RFC 2131, section 4.1: without giaddr, a NAK is broadcast, whatever is in ciaddr, and so is what goes to a client that its hardware address does not reach"},
		{`server id override`, `option dhcp-server-identifier \(54\): Kea 0a010001, ours 0a020002`, 6,
			"RFC 5107: clients are to know the server by the address that the relay agent gives; Kea 2.2 does not"},

		// Who is known.
		{reservedKnown, granted + `|` + naked, 137,
			"RFC 2131, section 4.3.2: silence if there is no record of the client, but a reservation is one; to Kea only a lease is"},
		{`^authoritative/.*/SELECTING(,|$)`, naked, 22,
			"RFC 2131, section 3.1, step 4: a server that cannot satisfy the request should say so, and an authoritative one knows that nobody else can"},
		{`lease out of every pool|where the lease is|^no reservations/reserved out of the pool and leased/`, naked, 69,
			"RFC 2131, section 4.3.2: NAK if the client's notion of its address is incorrect; it has the lease, so there is a record of it. Kea lets it run out"},
		{`relay of an unknown network|selection of an unknown one`, `answer: Kea (NACK|ACK), ours silence|lease .* 86400 s since now state 1 .*, ours nothing`, 34,
			"RFC 2131, section 4.3.2: no record of the client, no answer; Kea 2.2 looks at every client of a network that it does not serve as a wrong one"},
		{`foreign network|another subnet`, `answer: Kea (NACK, ours silence|silence, ours ACK)|(lease|option|siaddr|sname|file) .*: Kea (nothing|0\.0\.0\.0), ours .*|(siaddr|sname|file): .*`, 234,
			"RFC 2131, section 4.3.5: who is on this link with an address of another network is served as on this link"},
		{`client id of one octet|an empty list|requested address of zeros`, `answer: Kea (silence|NACK), ours (ACK|Offer|NACK)|lease .*: Kea nothing, ours .*`, 360,
			"RFC 2132, sections 9.14, 9.8 and 9.1: an option whose payload says nothing is as none; Kea drops the message or looks for 0.0.0.0"},

		{`by hardware address/lease.* with another (client id|hardware address)/(INIT-REBOOT|RELEASE|DECLINE)|by hardware address/leases by client id`, `answer: .*|lease .*`, 15,
			"match-client-id false is for all messages; Kea compares identifiers all the same in these, if a lease has one from before"},

		// Which address.
		{`reserved for another, but leased/(SELECTING|REQUEST asking) nothing|^global reservations/(reserved for another|dialogue: gives way)`, `.*`, 111,
			"an address that is reserved for one client is given to no other; Kea gives it to who has it and asks for nothing, and does not keep global ones"},
		{`DISCOVER asking for it|full, .*/DISCOVER, step 1`, `(yiaddr|to): Kea .*, ours a free one.*|lease .*: Kea nothing, ours (gone|.* state 2 .*)`, 50,
			"a lease that has run out is taken back by a timer or when a pool is used up, and its address offered after that"},
		{`leases by client id and by hardware address`, `lease .*: Kea nothing, ours gone`, 72,
			"a client has one lease in a subnet: an older one goes with the next ACK"},
		{`own lease (expired|reclaimed)/(DECLINE|RELEASE)`, `lease .*: Kea (.* 86400 s since now state 1 .*|gone), ours nothing`, 78,
			"RFC 2131, sections 4.3.3 and 4.3.4: who declines or releases has the address; as in later Keas, a lease that has run out does not count"},
		{`RELEASE|releases|life of a lease|asks nothing, and renews|lease over`, `(lease .*: Kea gone, ours .* state 3 .*)|answer: Kea silence, ours ACK|(yiaddr|to): Kea a free one.*|lease .*: Kea nothing, ours .* state 0 .*|lease a free one: Kea .* state 0 .*, ours nothing`, 670,
			"RFC 2131, section 4.3.4: the server should retain a record of who releases, who gets the address again; as in later Keas"},
	}
}
