package workspace

import "context"

// Target is what a locator stands for: one file, or one directory, of one version of one package.
type Target struct {
	Locator     string // absolute, without version: github.com/o/r/dir/main.star; for a standalone script its file name
	Path        string // where it is on disk, absolute and clean: the identity of a module
	Package     string // the name in the kurtosis.yml that it belongs to, "" where there is none
	PackageRoot string // the directory of that kurtosis.yml, "" where there is none
	Version     string // tag, branch or commit that was asked for, "" for what is checked out, vendored or the default
}

// Resolver finds what a locator means in the file that uses it.
type Resolver interface {
	// Resolve takes a locator as it is written in from: "./lib.star" and "../x" start at from's directory, "/x" at the
	// root of from's repository, and github.com/owner/repo[/path][@version] is absolute. The target exists, as a
	// file or as a directory. An error that is about the locator is a *LocatorError; others (a fetch that fails, a
	// cancelled ctx) are not.
	Resolve(ctx context.Context, from Target, locator string) (Target, error)
}

// LocatorFault tells apart what can be wrong with a locator, for callers that word them differently.
type LocatorFault uint8

const (
	LocatorRefused LocatorFault = iota + 1 // it cannot be made absolute: wrong form, or not allowed in that place
	LocatorMissing                         // it is well formed, and there is nothing
	LocatorOffline                         // it is well formed, not on disk, and nothing may be fetched
)

// LocatorError says why a locator stands for nothing. Its text is the reference's where that has one: instructions
// other than import_module and read_file put "Tried to convert locator '…' into absolute locator but failed" in
// front of a refused one.
type LocatorError struct {
	Fault   LocatorFault
	Locator string // as written
	Message string
	Hint    string // what to do about it, or ""
}

func (e *LocatorError) Error() string { return e.Message }
