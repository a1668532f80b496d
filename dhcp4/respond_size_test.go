package dhcp4_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/embedhcp/embedhcp/dhcp4"
	"github.com/embedhcp/embedhcp/option"
)

// bigConfig has options for more than 576 octets.
func bigConfig() dhcp4.Config {
	c := testConfig()
	for i, n := range []int{120, 100, 90, 60, 10} {
		c.Subnets[0].Options = append(c.Subnets[0].Options,
			option.Always(option.Option{Code: option.Code(224 + i), Data: bytes.Repeat([]byte{byte(i + 1)}, n)}))
	}
	return c
}

func TestReplyFitsTheClientsMaximumMessageSize(t *testing.T) {
	boot := bigConfig()
	boot.Subnets[0].Boot = dhcp4.Boot{ServerName: "boot.example", File: "pxelinux.0"}
	for _, tt := range []struct {
		name    string
		config  dhcp4.Config
		options option.Options
		max     int // octets of the reply
		omitted string
	}{
		{"no option 57", bigConfig(), nil, 548, ""},
		{"less than the least", bigConfig(), option.Options{option.DHCPMaxMessageSize.New(300)}, 548, ""},
		{"a malformed option 57", bigConfig(), option.Options{{Code: 57, Data: []byte{9}}}, 548, ""},
		{"1500", bigConfig(), option.Options{option.DHCPMaxMessageSize.New(1500)}, 1472, ""},
		{"file and sname are in use", boot, nil, 548, "226 227"},
		{"file and sname are in use, 640", boot, option.Options{option.DHCPMaxMessageSize.New(640)}, 612, "226"},
		{"the client prefers 226", boot, option.Options{option.DHCPParameterRequestList.New(226)}, 548, "225 227"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			tt.config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			offer, packet, err := respond(t, newServer(t, tt.config), message(dhcp4.TypeDiscover, tt.options...))
			if offer == nil {
				t.Fatal(err)
			}
			if len(packet.Data) > tt.max {
				t.Errorf("the reply has %d octets, want at most %d", len(packet.Data), tt.max)
			}
			if boot := tt.config.Subnets[0].Boot; string(offer.SName) != boot.ServerName || string(offer.File) != boot.File {
				t.Errorf("sname %q and file %q, want %q and %q", offer.SName, offer.File, boot.ServerName, boot.File)
			}
			var omitted []string
			for _, o := range tt.config.Subnets[0].Options {
				if data, ok := offer.Options.Lookup(o.Code); !ok && o.IsAlways() {
					omitted = append(omitted, strings.TrimPrefix(o.Code.String(), "option "))
				} else if ok && !bytes.Equal(data, o.Data) {
					t.Errorf("%v reads % x", o, data)
				}
			}
			if got := strings.Join(omitted, " "); got != tt.omitted {
				t.Errorf("omitted are %q, want %q", got, tt.omitted)
			}
			if logged := strings.Contains(log.String(), "DHCP4_PACKET_OPTIONS_OMITTED"); logged != (tt.omitted != "") {
				t.Errorf("omitted options %q, log:\n%s", tt.omitted, &log)
			}
		})
	}
}
