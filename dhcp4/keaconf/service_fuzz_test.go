package keaconf_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	dhcp "github.com/embedhcp/embedhcp/dhcp4" // the tests here have a function dhcp4
	"github.com/embedhcp/embedhcp/dhcp4/keaconf"
)

// FuzzServer checks that what Server returns can be served, and that what it
// does not is told with a place.
func FuzzServer(f *testing.F) {
	for _, pattern := range []string{"testdata/conf_cases/*.conf", "testdata/*.conf"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	noFile := &keaconf.Options{ReadFile: func(string) ([]byte, error) { return nil, os.ErrNotExist }}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := keaconf.Parse("f", text, noFile)
		if err != nil {
			return
		}
		s, err := c.Server()
		if err != nil {
			var list *keaconf.Error
			if !errors.As(err, &list) {
				t.Fatalf("error %v", err)
			}
			for _, p := range list.Problems {
				if p.Path == "" || p.Pos.Line == 0 || p.Text == "" {
					t.Errorf("problem %+v", p)
				}
			}
			return
		}
		srv, err := dhcp.NewServer(s.Config)
		if err != nil {
			t.Fatal(err)
		}
		srv.Close()
	})
}
