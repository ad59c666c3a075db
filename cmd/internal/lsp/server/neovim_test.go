//go:build neovim

package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNeovim runs the recipe of docs/editors/neovim.md, as it stands there, in a real Neovim.
func TestNeovim(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/editors/neovim.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(page), "```lua\n")
	require.True(t, ok)
	recipe, _, ok := strings.Cut(rest, "```")
	require.True(t, ok)

	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "kurtosis-lsp"), "../../../kurtosis-lsp")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	script, err := filepath.Abs("testdata/neovim.lua")
	require.NoError(t, err)
	for name, text := range map[string]string{
		"recipe.lua":        recipe,
		"shop/kurtosis.yml": "name: github.com/example/shop\n",
		"shop/lib.star":     "def launch(plan, name):\n    return plan.add_service(name = name, config = ServiceConfig(image = \"nginx:1.27\"))\n",
		"shop/main.star":    "lib = import_module(\"./lib.star\")\n\ndef run(plan):\n    lib.launch(plan, \"web\")\n    plan.prnt(\"done\")\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	nvim := exec.Command("nvim", "--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", "luafile "+filepath.Join(dir, "recipe.lua"), "-c", "luafile "+script)
	nvim.Dir = filepath.Join(dir, "shop")
	nvim.Env = append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "HOME="+dir, "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "XDG_STATE_HOME="+dir)
	out, err = nvim.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "all is well", string(out))
	lib, err := os.ReadFile(filepath.Join(dir, "shop", "lib.star"))
	require.NoError(t, err)
	require.Contains(t, string(lib), "def start(plan, name):")
	main, err := os.ReadFile(filepath.Join(dir, "shop", "main.star"))
	require.NoError(t, err)
	require.Contains(t, string(main), "lib.start(plan, \"web\")")
}
