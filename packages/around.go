package packages

import (
	"context"
	"path"
	"path/filepath"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Around is the package in root as an editor sees it, through files: whatever is wrong with its kurtosis.yml is left
// aside, and main.star need not be there yet. A root without a kurtosis.yml stands for the scripts in it.
func Around(ctx context.Context, files workspace.FS, root string, o Options) *Package {
	p := blank(root, files, o)
	name := o.Main
	if name == "" {
		name = DefaultMain
	}
	p.Main = workspace.Target{Locator: name, Path: filepath.Join(root, filepath.FromSlash(name))}
	file := filepath.Join(root, ManifestName)
	text, err := files.Read(ctx, file)
	if err != nil {
		return p
	}
	manifest, _ := ParseManifest(source.NewFile(file, text))
	if _, err := ParseLocator(manifest.Name); err != nil {
		return p
	}
	p.Name, p.Manifest = manifest.Name, manifest
	p.Main.Locator, p.Main.Package, p.Main.PackageRoot = path.Join(manifest.Name, name), manifest.Name, root
	p.names[root] = named{root: root, name: manifest.Name}
	return p
}
