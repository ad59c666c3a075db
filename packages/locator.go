package packages

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

const host = "github.com"

// Locator is an absolute locator taken apart: github.com/owner/name[/path][@version], where the version may also
// stand before the path.
type Locator struct {
	Owner, Name string
	Path        string // inside the repository, clean, slashes, "" for its root
	Version     string // tag, branch or commit, "" for the default branch

	// others are the readings beside Path and Version when a branch name may hold slashes: in
	// github.com/o/r@feat/x/main.star the version is feat, or feat/x.
	others []Locator
}

// what git refuses in the name of a ref, and a leading dash, which git would read as an option; compiled when a
// version is first seen
var badVersion = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^-|^/|/$|//|\.\.|\.lock$|@\{|[\x00-\x20\x7f~^:?*\[\\]|^\.|/\.|\.$|^@$`)
})

// isOwner and isName hold names to what GitHub allows.
func isOwner(s string) bool {
	return len(s) <= 100 && nameChars(s, "_-") && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "_") && !strings.HasSuffix(s, "-")
}

func isName(s string) bool { return len(s) <= 100 && nameChars(s, "_-.") && strings.Trim(s, ".") != "" }

func nameChars(s, others string) bool {
	for _, c := range s {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune(others, c)) {
			return false
		}
	}
	return s != ""
}

// ParseLocator reads an absolute locator. Its errors are *workspace.LocatorError.
func ParseLocator(text string) (Locator, error) {
	bad := func(hint, format string, args ...any) (Locator, error) {
		return Locator{}, &workspace.LocatorError{
			Fault: workspace.LocatorRefused, Locator: text, Hint: hint,
			Message: fmt.Sprintf("locator '%s' %s", text, fmt.Sprintf(format, args...)),
		}
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		return bad(fmt.Sprintf("write it as '%s'", strings.TrimSuffix(rest, ".git")), "has a scheme, '%s://'", scheme)
	}
	before, after, versioned := strings.Cut(text, "@")
	parts := strings.SplitN(before, "/", 4)
	if parts[0] != host {
		if i := strings.IndexByte(parts[0], '.'); i > 0 && len(parts) > 2 && !strings.HasSuffix(parts[0], ".star") {
			return bad("", "is on '%s', and only %s is known", parts[0], host)
		}
		return bad(fmt.Sprintf("a file of the same package is './%s', one of another is %s/<owner>/<repository>/<path>", strings.TrimLeft(text, "./"), host),
			"is neither relative nor does it start with '%s/'", host)
	}
	if len(parts) < 3 || parts[1] == "" || parts[2] == "" {
		return bad("", "names no repository: it has the form %s/<owner>/<repository>[/<path>][@<version>]", host)
	}
	l := Locator{Owner: parts[1], Name: parts[2]}
	if !isOwner(l.Owner) {
		return bad("", "has an owner, '%s', that cannot be one", l.Owner)
	}
	if !isName(l.Name) {
		return bad("", "has a repository name, '%s', that cannot be one", l.Name)
	}
	inside := ""
	if len(parts) == 4 {
		inside = parts[3]
	}
	readings := []Locator{{Path: inside}}
	if versioned {
		readings = versionReadings(inside, after)
	}
	for i, r := range readings {
		if versioned && (r.Version == "" || badVersion().MatchString(r.Version)) {
			return bad("", "has a version, '%s', that cannot be a tag, branch or commit", r.Version)
		}
		clean, ok := cleanInside(r.Path)
		if !ok {
			return bad("", "has a path, '%s', that leaves the repository or cannot be one", r.Path)
		}
		readings[i] = Locator{Owner: l.Owner, Name: l.Name, Path: clean, Version: r.Version}
	}
	l = readings[0]
	l.others = readings[1:]
	return l, nil
}

// versionReadings splits what follows the @ into version and path in all the ways there are, the shortest version
// first. After a file nothing can follow but the version.
func versionReadings(inside, after string) []Locator {
	parts := strings.Split(after, "/")
	if path.Ext(inside) != "" || len(parts) == 1 {
		return []Locator{{Path: inside, Version: after}}
	}
	var out []Locator
	for n := 1; n <= len(parts); n++ {
		version := strings.Join(parts[:n], "/")
		rest := strings.Join(parts[n:], "/")
		if n < len(parts) && (badVersion().MatchString(version) || strings.Contains(rest, "@")) {
			continue
		}
		if len(out) > 0 && path.Ext(version) == ".star" {
			continue // a branch is not called x.star
		}
		out = append(out, Locator{Path: path.Join(inside, rest), Version: version})
	}
	return out
}

// cleanInside normalises a path inside a repository and says whether it stays there and can exist on a disk.
func cleanInside(p string) (string, bool) {
	if p == "" {
		return "", true
	}
	if strings.ContainsAny(p, "\\\x00") || strings.HasPrefix(p, "/") {
		return "", false
	}
	clean := path.Clean(p)
	if clean == "." {
		return "", true
	}
	return clean, filepath.IsLocal(filepath.FromSlash(clean))
}

// Repository is github.com/owner/name.
func (l Locator) Repository() string { return path.Join(host, l.Owner, l.Name) }

// Absolute is the locator without its version, as positions and messages show it.
func (l Locator) Absolute() string { return path.Join(host, l.Owner, l.Name, l.Path) }

func (l Locator) String() string {
	if l.Version == "" {
		return l.Absolute()
	}
	return l.Absolute() + "@" + l.Version
}

// isRelative says whether a locator is a path: from the repository's root, or from the file it is in, as are
// `./x.star`, `../x.star` and `.github/x.yml`.
func isRelative(locator string) bool {
	return strings.HasPrefix(locator, "/") || strings.HasPrefix(locator, ".")
}

// isBare says whether a locator can only be a path: `templates/x.tmpl` or `lib.star`, which mean `./templates/x.tmpl`
// and `./lib.star`. What starts with the name of a host is not one.
func isBare(locator string) bool {
	first, _, more := strings.Cut(locator, "/")
	return first != "" && !strings.Contains(locator, ":") && !(more && strings.Contains(first, "."))
}

// within says whether locator is name itself or something below it.
func within(name, locator string) bool {
	return locator == name || strings.HasPrefix(locator, name) && locator[len(name)] == '/'
}
