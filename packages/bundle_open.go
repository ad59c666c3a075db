package packages

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// OpenBundle opens the package of a bundle that was unpacked in dir. What is in the bundle is found there, and is not
// looked for anywhere else; the rest is o.Fetcher's. Of o, Vendor and Main are the bundle's own.
func OpenBundle(_ context.Context, dir string, o Options) (*Package, error) {
	text, err := os.ReadFile(filepath.Join(dir, bundleFile))
	if err != nil {
		return nil, &PackageError{Message: fmt.Sprintf("the bundle has no %s that can be read: %s", bundleFile, plainError(err))}
	}
	var r bundleRecord
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, &PackageError{Message: fmt.Sprintf("%s of the bundle can't be understood: %s", bundleFile, err)}
	}
	if r.Format != bundleFormat {
		return nil, &PackageError{
			Message: fmt.Sprintf("the bundle has format %d, and this version opens %d", r.Format, bundleFormat),
			Hint:    "use the same version of kurtosis on both sides",
		}
	}
	places := [][2]string{{"root", r.Root}, {"main", path.Join(r.Root, r.Main)}, {"vendor", r.Vendor}}
	for _, name := range slices.Sorted(maps.Keys(r.Replaced)) {
		places = append(places, [2]string{name, r.Replaced[name]})
	}
	for _, repository := range r.Repositories {
		places = append(places, [2]string{repository.Repository, repository.Dir})
	}
	for _, place := range places {
		if what, at := place[0], place[1]; at != "" && !filepath.IsLocal(filepath.FromSlash(at)) {
			return nil, &PackageError{Message: fmt.Sprintf("%s of the bundle puts '%s' at '%s', which is outside of it", bundleFile, what, at)}
		}
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	if r.Alone {
		o.Fetcher = nil
	}
	o.Fetcher = &bundleFetcher{dir: dir, repositories: r.Repositories, otherwise: o.Fetcher}
	o.Main, o.Vendor = r.Main, ""
	if r.Vendor != "" {
		o.Vendor = at(r.Vendor)
	}
	p, err := r.open(at(r.Root), o)
	if err != nil {
		return nil, err
	}
	p.Main.Version, p.fetched, p.checkout, p.identity = r.Version, r.Fetched, r.Checkout, r.Identity
	p.moved = map[string]string{}
	for name, to := range r.Replaced {
		p.moved[name] = at(to)
	}
	return p, nil
}

func (r bundleRecord) open(root string, o Options) (*Package, error) {
	file := filepath.Join(root, filepath.FromSlash(r.Main))
	switch {
	case r.Name == "":
		o.Main = ""
		return openScript(file, o)
	case r.Converted:
		return newPackage(root, root, &Manifest{Name: r.Name}, o)
	}
	text, err := os.ReadFile(filepath.Join(root, ManifestName))
	if err != nil {
		return nil, &PackageError{Message: fmt.Sprintf("the bundle has no %s of '%s' that can be read: %s", ManifestName, r.Name, plainError(err))}
	}
	f := source.NewFile(ManifestName, text)
	manifest, diagnostics := ParseManifest(f)
	if len(diagnostics) > 0 {
		return nil, &ManifestError{File: f, Diagnostics: diagnostics}
	}
	return newPackage(root, root, manifest, o)
}

// bundleFetcher finds repositories in a bundle.
type bundleFetcher struct {
	dir          string
	repositories []bundleRepository
	otherwise    Fetcher
}

// Fetch is Fetcher's.
func (f *bundleFetcher) Fetch(ctx context.Context, repository string, versions []string) (dir, version string, err error) {
	for _, v := range versions {
		for _, r := range f.repositories {
			if r.Repository == repository && r.Version == v {
				return filepath.Join(f.dir, filepath.FromSlash(r.Dir)), v, nil
			}
		}
	}
	if f.otherwise != nil {
		return f.otherwise.Fetch(ctx, repository, versions)
	}
	return "", "", &PackageError{
		Message: fmt.Sprintf("'%s' is not part of the bundle, and nothing is fetched here", Locator{Owner: path.Base(path.Dir(repository)), Name: path.Base(repository), Version: versions[0]}),
	}
}
