package keaconf_test

// exchangeDifferences are those that are meant to be. A line counts for the
// first that fits.
func exchangeDifferences() []difference {
	const (
		reservedKnown = `reserved[^/]*/INIT-REBOOT`
		granted       = `answer: Kea (silence|NACK), ours ACK|lease .*: Kea nothing, ours \[.*\] subnet \d+ \d+ s since now state 0 .*`
		naked         = `answer: Kea silence, ours NACK`
	)
	return []difference{
		// The form of answers.
		{``, `length: Kea less than 300, ours 300 or more`, 839,
			"RFC 951, section 3: a message has 300 octets, and some relay agents and clients drop shorter ones"},
		{``, `frame to: Kea the sender, ours all`, 524,
			"RFC 1122, section 3.3.6: an IP broadcast is a link-layer broadcast"},
		{``, `option dhcp-message \(56\): Kea nothing, ours [0-9a-f]+`, 752,
			"RFC 2131, table 3: a NAK should say why in a message"},
		{`INFORM`, `option subnet-mask \(1\): Kea nothing, ours ffff(00|ff)00`, 680,
			"RFC 2131, section 4.3.5: a client gets what it asks for, but nothing about a lease; Kea makes the mask together with the lease"},
		{`name with a dot at its end`, `(option host-name \(12\)|lease [0-9.]+): .*`, 72,
			"RFC 952: a host name does not end in a dot; Kea takes it off from names of one label only"},

		// Where answers go.
		{``, `flags: Kea 0000, ours 8000`, 266,
			"RFC 2131, section 4.3.2: the relay agent is to broadcast a NAK, for which it needs the broadcast bit"},
		{`RENEWING|REBINDING|renews|moved|gives way|no hardware address`, `to: Kea [0-9.]+ port 68, ours 255\.255\.255\.255 port 68`, 298,
			"RFC 2131, section 4.1: without giaddr, a NAK is broadcast, whatever is in ciaddr, and so is what goes to a client that its hardware address does not reach"},
		{`server id override`, `option dhcp-server-identifier \(54\): Kea 0a010001, ours 0a020002`, 6,
			"RFC 5107: clients are to know the server by the address that the relay agent gives; Kea 2.2 does not"},

		// Who is known.
		{reservedKnown, granted + `|` + naked, 140,
			"RFC 2131, section 4.3.2: silence if there is no record of the client, but a reservation is one; to Kea only a lease is"},
		{`^(authoritative|a subnet's settings)/.*/SELECTING(,|$)`, naked, 15,
			"RFC 2131, section 3.1, step 4: a server that cannot satisfy the request should say so, and an authoritative one knows that nobody else can"},
		{`lease out of every pool|where the lease is|^no reservations/reserved out of the pool and leased/`, naked, 45,
			"RFC 2131, section 4.3.2: NAK if the client's notion of its address is incorrect; it has the lease, so there is a record of it. Kea lets it run out"},
		{`relay of an unknown network|relay agent 10.66.0.2|selection of an unknown one`, `answer: Kea (NACK|ACK), ours silence|lease .* 86400 s since now state 1 .*, ours nothing`, 40,
			"RFC 2131, section 4.3.2: no record of the client, no answer; Kea 2.2 looks at every client of a network that it does not serve as a wrong one"},
		{`foreign network|another subnet`, `answer: Kea (NACK, ours silence|silence, ours ACK)|(lease|option|siaddr|sname|file) .*: Kea (nothing|0\.0\.0\.0), ours .*|(siaddr|sname|file): .*`, 198,
			"RFC 2131, section 4.3.5: who is on this link with an address of another network is served as on this link"},
		{`client id of one octet|an empty list|requested address of zeros`, `answer: Kea (silence|NACK), ours (ACK|Offer|NACK)|lease .*: Kea nothing, ours .*`, 233,
			"RFC 2132, sections 9.14, 9.8 and 9.1: an option whose payload says nothing is as none; Kea drops the message or looks for 0.0.0.0"},

		{`(by hardware address|a subnet's settings)/lease.* with another (client id|hardware address)/(INIT-REBOOT|RELEASE|DECLINE)|(by hardware address|a subnet's settings)/leases by client id`, `answer: .*|lease .*`, 29,
			"match-client-id false is for all messages; Kea compares identifiers all the same in these, if a lease has one from before"},

		// Which address.
		{`reserved (for another, but|by circuit id,) leased/(SELECTING|REQUEST asking) nothing|^global reservations/(reserved for another|dialogue: gives way)`, `.*`, 113,
			"an address that is reserved for one client is given to no other; Kea gives it to who has it and asks for nothing, and does not keep global ones"},
		{`leases by client id and by hardware address`, `lease .*: Kea nothing, ours gone`, 54,
			"a client has one lease in a subnet: an older one goes with the next ACK"},
		{`own lease (expired|reclaimed)/(DECLINE|RELEASE)|DISCOVER asking for it|full, .*/DISCOVER, step 1`,
			`lease .*: Kea (.* 86400 s since now state 1 .*|gone), ours nothing|(yiaddr|to): Kea .*, ours a free one.*|lease .*: Kea nothing, ours (gone|.* state 2 .*)`, 112,
			"RFC 2131, sections 4.3.3 and 4.3.4: a lease that has run out is none that could be declined or released, as in later Keas; a timer or a full pool takes it back, and it is offered after that"},
		{`vendor options|^vendor space/`, `option vivso-suboptions \(125\): Kea .*`, 64,
			"RFC 3925, section 4: vendor options are for the clients of that vendor; Kea 2.2 sends its number to all, and the options to who lists them in 125"},
		{`RELEASE|releases|life of a lease|asks nothing, and renews|lease over`, `(lease .*: Kea gone, ours .* state 3 .*)|answer: Kea (silence|NACK), ours ACK|(yiaddr|to): Kea a free one.*|lease .*: Kea nothing, ours .* state 0 .*|lease a free one: Kea .* state 0 .*, ours nothing`, 552,
			"RFC 2131, section 4.3.4: the server should retain a record of who releases, who gets the address again; as in later Keas"},
	}
}
