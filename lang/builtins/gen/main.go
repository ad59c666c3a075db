// Gen writes what is made from the builtin table and checked in: the reference pages, the schema of kurtosis.yml,
// and the snippets and the grammar of the VS Code extension. Run it with go generate, or make update.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := write(root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// templateFile is the grammar as written by hand, with the table's words left out.
const templateFile = "editors/vscode/syntaxes/starlark.template.json"

// referenceDir holds nothing but generated pages.
const referenceDir = "docs/reference"

func write(root string) error {
	template, err := os.ReadFile(filepath.Join(root, templateFile))
	if err != nil {
		return err
	}
	files, err := generate(template)
	if err != nil {
		return err
	}
	for name, data := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	stale, err := stalePages(root, files)
	for _, path := range stale {
		err = os.Remove(path)
		if err != nil {
			break
		}
	}
	return err
}

// stalePages lists the pages in the reference directory that are no longer made.
func stalePages(root string, files map[string][]byte) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(root, referenceDir, "*.md"))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		_, made := files[referenceDir+"/"+filepath.Base(path)]
		return made
	}), nil
}

// generate makes the files, by path from the root of the module.
func generate(template []byte) (map[string][]byte, error) {
	files := reference()
	var err error
	if files["editors/vscode/syntaxes/starlark.tmLanguage.json"], err = grammar(template); err != nil {
		return nil, fmt.Errorf("%s: %w", templateFile, err)
	}
	if files["editors/vscode/snippets/starlark.json"], err = snippets(); err != nil {
		return nil, err
	}
	if files["editors/vscode/schemas/kurtosis.yml.schema.json"], err = manifestSchema(); err != nil {
		return nil, err
	}
	return files, nil
}
