package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadmeShowsThisProgram keeps the README's program one that compiles.
func TestReadmeShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(readme), "```go\n")
	if !ok {
		t.Fatal("the README has no program")
	}
	block, _, _ = strings.Cut(block, "```")
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(source), "func main() {")
	if d := cmp.Diff("func main() {"+body, block); d != "" {
		t.Errorf("README (-main.go +README):\n%s", d)
	}
}
