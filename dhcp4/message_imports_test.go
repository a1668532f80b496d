package dhcp4

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The codec is usable where a network stack or a logger is too much: its
// files import neither, and of this module only option and lease.
func TestCodecFilesImportLittle(t *testing.T) {
	banned := map[string]bool{
		"net": true, "net/http": true, "log/slog": true, "context": true, "encoding/json": true, "reflect": true,
	}
	const module = "github.com/embedhcp/embedhcp/"
	allowed := map[string]bool{module + "option": true, module + "lease": true}

	files := 0
	for _, pattern := range []string{"message*.go", "frame*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			files++
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(path, "/")
				if banned[path] || strings.Contains(first, ".") && !allowed[path] {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	}
	if files < 4 {
		t.Errorf("only %d files looked at", files)
	}
}
