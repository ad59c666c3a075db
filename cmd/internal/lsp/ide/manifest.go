package ide

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/packages"
)

// manifestFields documents the fields of a kurtosis.yml.
var manifestFields = []struct{ name, doc, snippet string }{
	{"name", "Locator of the package: `github.com/OWNER/REPOSITORY`, followed by the directory when it is not the repository's root. It must say where the package is, without a slash at the end.", "name: github.com/${1:owner}/${2:repository}"},
	{"description", "What the package is for. Markdown; shown in catalogs.", "description: |\n  ${1:what it is for}"},
	{"replace", "Packages to put in the place of others, here and in everything that is imported: the locator of a package, then another locator, perhaps with `@VERSION`, or a directory of this machine, which starts with a dot or a slash. The longest locator that fits counts. Only the package that is run is asked.", "replace:\n  ${1:github.com/owner/repository}: ${2:../directory}"},
}

func (v *View) manifestHover(ctx context.Context, path string, at source.Pos) (*Hover, error) {
	f, err := v.files.File(ctx, path)
	if err != nil {
		return nil, err
	}
	line := string(f.Line(int(at.Line)))
	key, indent, ok := yamlKey(line)
	if !ok {
		return nil, nil
	}
	start := f.LineStart(int(at.Line)) + indent
	r := rangeAt(f, start, start+len(key))
	if indent == 0 {
		for _, field := range manifestFields {
			if field.name == key && r.Contains(at) {
				return &Hover{Range: r, Text: "`" + field.name + "`\n\n" + field.doc}, nil
			}
		}
		return nil, nil
	}
	manifest, _ := packages.ParseManifest(f)
	for _, rep := range manifest.Replace {
		if rep.Package == key {
			return &Hover{Range: r, Text: v.describeReplacement(ctx, path, rep)}, nil
		}
	}
	return nil, nil
}

func (v *View) describeReplacement(ctx context.Context, path string, r packages.Replacement) string {
	text := fmt.Sprintf("`%s` is taken from `%s`.", r.Package, r.With)
	if !r.IsLocal() {
		return text
	}
	dir := filepath.FromSlash(r.With)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(filepath.Dir(path), dir)
	}
	if info, err := v.files.Stat(ctx, dir); err != nil || !info.Dir {
		return text + "\n\nThere is no directory `" + dir + "`."
	}
	return text + "\n\n`" + dir + "`"
}

// manifestCompletion offers the fields of a kurtosis.yml that are not there yet, and, in replace, packages that are
// imported and directories.
func (v *View) manifestCompletion(ctx context.Context, path string, at source.Pos) (*Completion, error) {
	f, err := v.files.File(ctx, path)
	if err != nil {
		return nil, err
	}
	where := dataContext(f, at, false)
	c := &Completion{Range: where.word}
	switch {
	case where.kind == dataKey && len(where.path) == 0:
		for i, field := range manifestFields {
			if !where.given[field.name] {
				c.Items = append(c.Items, Item{
					Label: field.name, Kind: ItemField, Doc: field.doc, Insert: field.name + ": ", Snippet: field.snippet, Sort: sortable(i),
				})
			}
		}
	case len(where.path) == 1 && where.path[0] == "replace" && where.kind == dataKey:
		start := lineWord(f, at)
		c.Range = source.Range{Start: start, End: at}
		for i, p := range v.importedPackages(ctx, filepath.Dir(path)) {
			if !where.given[p] {
				c.Items = append(c.Items, Item{Label: p, Kind: ItemModule, Insert: p + ": ", Sort: sortable(i)})
			}
		}
	case len(where.path) == 2 && where.path[0] == "replace" && where.kind == dataValue:
		start := lineWord(f, at)
		c.Range = source.Range{Start: start, End: at}
		c.Items = v.directories(ctx, filepath.Dir(path), string(f.Text()[f.Offset(start):f.Offset(at)]))
	case len(where.path) == 1 && where.path[0] == "name" && where.kind == dataValue:
		start := lineWord(f, at)
		c.Range = source.Range{Start: start, End: at}
		c.Items = []Item{{Label: "github.com/", Kind: ItemModule, Detail: "github.com/OWNER/REPOSITORY", Snippet: "github.com/${1:owner}/${2:" + filepath.Base(filepath.Dir(path)) + "}"}}
	}
	return c, nil
}

// lineWord is the start of the text without spaces that ends at a place.
func lineWord(f *source.File, at source.Pos) source.Pos {
	offset := f.Offset(at)
	start := offset
	for start > 0 && !strings.ContainsRune(" \t\r\n", rune(f.Text()[start-1])) {
		start--
	}
	return f.Pos(start)
}

// importedPackages lists the packages that the modules below a directory import by absolute locators.
func (v *View) importedPackages(ctx context.Context, root string) []string {
	modules, err := v.files.Files(ctx, root, IsModule)
	if err != nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	for _, path := range modules {
		edges, err := v.files.Imports(ctx, v.Target(ctx, path))
		if err != nil {
			continue
		}
		for _, e := range edges {
			if r := repositoryOf(e.Locator); strings.HasPrefix(e.Locator, "github.com/") && !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
	}
	return out
}

func (v *View) directories(ctx context.Context, base, typed string) []Item {
	prefix := typed[:strings.LastIndexByte(typed, '/')+1]
	dir := filepath.FromSlash(prefix)
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(base, dir)
	}
	if prefix == "" {
		prefix = "./"
	}
	entries, err := v.files.List(ctx, dir)
	if err != nil {
		return nil
	}
	items := []Item{{Label: "../", Kind: ItemFolder, Again: true, Sort: "0"}}
	for _, e := range entries {
		if e.Dir && !strings.HasPrefix(e.Name, ".") {
			items = append(items, Item{Label: prefix + e.Name, Kind: ItemFolder, Sort: "1" + e.Name})
		}
	}
	return items
}
