package genpkg

import (
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	files := Files(Modules, Lines)
	modules, lines := 0, 0
	for name, text := range files {
		if strings.HasSuffix(name, ".star") {
			modules++
			lines += strings.Count(text, "\n")
		}
	}
	if modules != Modules {
		t.Errorf("%d modules, want %d", modules, Modules)
	}
	if lines < Lines*9/10 || lines > Lines*11/10 {
		t.Errorf("%d lines, want about %d", lines, Lines)
	}
	again := Files(Modules, Lines)
	for name, text := range files {
		if again[name] != text {
			t.Errorf("%s differs between two calls", name)
		}
	}
}
