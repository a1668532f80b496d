package dhcp4

import "github.com/embedhcp/embedhcp/option"

// The codes that AppendBinaryLimit places first, the dearest first.
const (
	// keptAlways: without one of these the message says something else or
	// is ignored. Message type and relay agent information come first, so
	// that they stand in the options field: relays look nowhere else.
	keptAlways = "\x35\x52" + // 53 message type, 82 relay agent information
		"\x36\x33\x01" + // 54 server identifier, 51 lease time, 1 subnet mask
		"\x3d\x03" + // 61 client identifier (RFC 6842), 3 routers
		"\x3a\x3b" + // 58 renewal time, 59 rebinding time
		"\x50\x5a\x76" // 80 rapid commit, 90 authentication, 118 subnet selection
	inOptionsField = 2 // how many of keptAlways are in the options field or nowhere

	// keptLongest: with these a client reaches its network, and boots.
	keptLongest = "\x79\xf9" + // 121 classless routes, 249 the same as Microsoft has it
		"\x06\x1a" + // 6 name servers, 26 interface MTU
		"\x43\x42\x3c\x2b\x61" // 67 boot file, 66 TFTP server, 60, 43 and 97 (PXE)
)

// AppendBinaryLimit is AppendBinary with at most limit octets, for a receiver
// that takes no more: a client's DHCP Maximum Message Size (option 57), less
// 28 for the IP and UDP headers. A limit below 300 counts as 300, which every
// receiver takes; one above 65,507 counts as 65,507. A message that fits is
// written as AppendBinary does.
//
// When the options field is full, options go to the file field and then to
// the sname field (RFC 2131, section 4.1), as far as File and SName are
// empty. An option of up to 255 octets stands in one field as a whole; the
// parts of a longer one may stand in several, in the order in which Unmarshal
// joins them (RFC 3396). Within a field options keep their order. So the
// decoded message has the same options in, perhaps, another order.
//
// What still does not fit is left out, whole options only; omitted is how
// many. Room is given away in this order:
//
//  1. Never left out are 53, 82, 54, 51, 1, 61, 3, 58, 59, 80, 90 and 118;
//     53 and 82 are always in the options field.
//  2. What a client needs to reach its network and to boot: 121, 249, 6, 26,
//     67, 66, 60, 43, 97.
//  3. What the client prefers: the codes in parameters, the payload of its
//     Parameter Request List (option 55; RFC 2132, section 9.8) or nil.
//  4. The others as they stand in Options.
//
// An option that does not fit gives way to later and smaller ones. If one of
// the first group does not fit, that is an *EncodeError. The other errors
// are those of AppendBinary. It does not allocate if dst has room.
func (m *Message) AppendBinaryLimit(dst []byte, limit int, parameters []byte) (b []byte, omitted int, err error) {
	n, err := m.check()
	if err != nil {
		return dst, 0, err
	}
	limit = min(max(limit, minLen), maxLen)
	if n <= limit {
		return m.appendTo(dst, n), 0, nil
	}
	var l layout
	if code, ok := l.plan(m, limit, parameters); !ok {
		return dst, 0, &EncodeError{Field: "options", Code: code, Reason: "does not fit and must not be left out"}
	}
	b, p := m.appendHeader(dst, max(minLen, l.end[fieldOptions]+1))
	for f := range numFields {
		if f == fieldOptions || l.end[f] > l.start[f] {
			l.put(p, m.Options, f)
		}
	}
	return b, len(m.Options) - l.placed, nil
}

const overloadLen = 3 // octets of option 52

// The fields that hold options, in the order in which they are read.
const (
	fieldOptions = iota
	fieldFile
	fieldSName
	numFields
)

// A layout says in which fields of a message the options are.
type layout struct {
	start, end [numFields]int // where the options of a field are; the octet at end is End
	limit      [numFields]int // what end may become
	at         [256]uint8     // by code: 1 + index in Message.Options, 0: none, or it had its turn
	// taken is how many octets each element of Message.Options takes in each
	// field, with the codes and lengths of its parts.
	taken  [numFields][256]uint16
	placed int // elements that have their place
}

// plan gives every option that fits its place. If one that must not be left
// out does not fit, ok is false.
func (l *layout) plan(m *Message, limit int, parameters []byte) (code option.Code, ok bool) {
	l.start = [numFields]int{headerLen, offFile, offSName}
	l.end = l.start
	l.limit = [numFields]int{limit - 1, offFile, offSName}
	if len(m.File) == 0 {
		l.limit[fieldFile] = offCookie - 1
	}
	if len(m.SName) == 0 {
		l.limit[fieldSName] = offFile - 1
	}
	if len(m.File) == 0 || len(m.SName) == 0 {
		l.limit[fieldOptions] -= overloadLen
	}

	for i := range m.Options {
		l.at[m.Options[i].Code] = uint8(i + 1)
	}
	for i := range len(keptAlways) {
		fields := numFields
		if i < inOptionsField {
			fields = fieldOptions + 1
		}
		if c := keptAlways[i]; !l.place(m, c, fields) {
			return option.Code(c), false
		}
	}
	for i := range len(keptLongest) {
		l.place(m, keptLongest[i], numFields)
	}
	for _, c := range parameters {
		l.place(m, c, numFields)
	}
	for i := range m.Options {
		l.place(m, uint8(m.Options[i].Code), numFields)
	}
	if l.overload() != 0 {
		l.end[fieldOptions] += overloadLen
	}
	return 0, true
}

// place finds room in the first fields for the option with the given code. It
// returns true also if there is no such option or it had its turn.
func (l *layout) place(m *Message, code uint8, fields int) bool {
	i := int(l.at[code]) - 1
	l.at[code] = 0
	if i < 0 {
		return true
	}
	size := len(m.Options[i].Data)
	total := 0
	for f := range fields {
		free := l.limit[f] - l.end[f]
		if size <= maxPart && free >= 2+size {
			l.take(i, f, size)
			l.placed++
			return true
		}
		total += payloadIn(free)
	}
	if size <= maxPart || size > total {
		return false
	}
	for f := range fields {
		n := min(size, payloadIn(l.limit[f]-l.end[f]))
		if n > 0 {
			l.take(i, f, n)
		}
		size -= n
	}
	l.placed++
	return true
}

// take gives n octets of the payload of element i a place in field f.
func (l *layout) take(i, f, n int) {
	octets := n + 2*max(1, (n+maxPart-1)/maxPart)
	l.taken[f][i] = uint16(octets)
	l.end[f] += octets
}

// payloadIn returns how much payload of one option has room in n octets.
func payloadIn(n int) int {
	const whole = 2 + maxPart
	return n/whole*maxPart + max(0, n%whole-2)
}

// overload returns the value of option 52, or 0 if no field but the options
// field is used.
func (l *layout) overload() (v uint8) {
	if l.end[fieldFile] > l.start[fieldFile] {
		v |= overloadFile
	}
	if l.end[fieldSName] > l.start[fieldSName] {
		v |= overloadSName
	}
	return v
}

// put writes the options of one field into the message p, and End.
func (l *layout) put(p []byte, options option.Options, f int) {
	n := l.start[f]
	overload := uint8(0)
	if f == fieldOptions {
		overload = l.overload()
	}
	for i := range options {
		octets := int(l.taken[f][i])
		if octets == 0 {
			continue
		}
		data := options[i].Data
		for before := range f { // earlier parts are there
			data = data[payloadIn(int(l.taken[before][i])):]
		}
		n += putOption(p[n:], uint8(options[i].Code), data[:payloadIn(octets)])
		if overload != 0 { // the message type comes before it
			n += putOverload(p[n:], overload)
			overload = 0
		}
	}
	if overload != 0 {
		n += putOverload(p[n:], overload)
	}
	p[n] = uint8(option.End)
}

// putOverload writes option 52.
func putOverload(b []byte, v uint8) int {
	b[0], b[1], b[2] = uint8(codeOverload), 1, v
	return overloadLen
}
