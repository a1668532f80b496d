package option

const errNoSpace = reason("the option encapsulates no space")

// SubOptions reads the sub-options of an option that encapsulates a space and
// appends them to dst. They stand behind the option's own values, which are
// payload[:own] and for which FormatText has a text. The sub-options share
// memory with payload unless they were joined (see SubOption); the definitions
// of a [Registry] in the space d.Encapsulates have texts for them. On error it
// returns dst as it was.
func (d *Definition) SubOptions(dst []Option, payload []byte) (subs []Option, own int, err error) {
	if err := d.checkSubOptions(); err != nil {
		return dst, 0, err
	}
	for n := 0; n < d.minValues(); n++ {
		k, _ := d.kindAt(n)
		end, err := skipValue(k, payload, own)
		if err != nil {
			return dst, 0, d.valueError(own, err)
		}
		own = end
	}
	next := nextVendorOption
	if d.Encapsulates == agentSpace {
		next = nextSubOption
	}
	subs, err = appendAll(dst, payload[own:], next)
	if err != nil {
		return dst, 0, d.valueError(own, err)
	}
	return subs, own, nil
}

// AppendSubOptions appends sub-options to dst, the option's own values, which
// AppendText made. On error it returns dst as it was.
func (d *Definition) AppendSubOptions(dst []byte, subs ...Option) ([]byte, error) {
	if err := d.checkSubOptions(); err != nil {
		return dst, err
	}
	add := appendVendorOption
	if d.Encapsulates == agentSpace {
		add = appendSubOption
	}
	p := dst
	for i, o := range subs {
		var err error
		if p, err = add(p, len(dst), o); err != nil {
			return dst, d.invalidValue(i, err).Err()
		}
	}
	if len(p) > MaxLen {
		return dst, d.invalid(errTooLong).Err()
	}
	return p, nil
}

// In this space, RFC 3046's, codes 0 and 255 are as others.
const agentSpace = "dhcp-agent-options-space"

func (d *Definition) checkSubOptions() error {
	if d.Encapsulates == "" {
		return d.valueError(0, errNoSpace)
	}
	if err := d.checkKinds(); err != nil {
		return d.valueError(0, err)
	}
	return nil
}

// skipValue returns the offset behind the value of kind k at p[off:].
func skipValue(k Kind, p []byte, off int) (end int, err error) {
	n, _, _ := intRange(k)
	switch k {
	case KindBinary, KindString:
		return len(p), nil
	case KindFQDN:
		_, end, err = readName(p, off, false)
		return end, err
	case KindTuple:
		_, end, err = nextCounted(p, off)
		return end, err
	case KindBoolean:
		n = 1
	case KindIPv4Address:
		n = 4
	case KindIPv6Address:
		n = 16
	case KindPSID:
		n = 3
	case KindIPv6Prefix:
		if n = 1; off < len(p) {
			n += (int(p[off]) + 7) / 8
		}
	}
	if len(p)-off < n {
		return 0, short(len(p)-off, n)
	}
	return off + n, nil
}
