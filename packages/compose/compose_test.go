package compose

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Each file of testdata has a Compose file, perhaps a .env, and what comes of them: the module, the warnings or the error.
func TestConvert(t *testing.T) {
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string][]byte{}
			for _, f := range archive.Files {
				in[f.Name] = f.Data
			}
			got := map[string]string{}
			module, err := Convert(t.Context(), t.TempDir(), "compose.yml", in["compose.yml"], in[".env"])
			if err != nil {
				got["error"] = err.Error() + "\n"
			} else {
				got["main.star"] = module.Source
				if len(module.Warnings) > 0 {
					got["warnings"] = strings.Join(module.Warnings, "\n") + "\n"
				}
			}
			if os.Getenv("UPDATE") != "" {
				kept := archive.Files[:0]
				for _, f := range archive.Files {
					if f.Name == "compose.yml" || f.Name == ".env" {
						kept = append(kept, f)
					}
				}
				for _, name := range []string{"main.star", "warnings", "error"} {
					if text, ok := got[name]; ok {
						kept = append(kept, txtar.File{Name: name, Data: []byte(text)})
					}
				}
				archive.Files = kept
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, name := range []string{"main.star", "warnings", "error"} {
				if want := string(in[name]); got[name] != want {
					t.Errorf("%s is\n%s\nwant\n%s", name, got[name], want)
				}
			}
		})
	}
}

func TestIs(t *testing.T) {
	for name, want := range map[string]bool{"docker-compose.yaml": true, "a/b/compose.yml": true, "docker_compose.yml": true, "composer.yml": false} {
		if Is(name) != want {
			t.Errorf("Is(%q) is %v", name, !want)
		}
	}
}
