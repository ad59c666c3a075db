package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// lintConfigName is beside kurtosis.yml, which the reference reads strictly and so cannot hold this.
const lintConfigName = ".kurtosis-lint.yml"

// lintConfig is what a package says about how it is checked.
type lintConfig struct {
	Select   []string          `yaml:"select"`
	Ignore   []string          `yaml:"ignore"`
	Severity map[string]string `yaml:"severity"`
	Exclude  []string          `yaml:"exclude"` // globs of paths relative to the package
	Preview  []string          `yaml:"preview"` // argument files that the package must give a plan with
}

func (a *app) readLintConfig(root string) (*lintConfig, error) {
	file := filepath.Join(root, lintConfigName)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &lintConfig{}, nil
	}
	if err != nil {
		return nil, err
	}
	file = a.shownPath(file)
	c := &lintConfig{}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, &faultError{fmt.Sprintf("can't read %s: %s", file, yamlFault(err)), "it has the keys select, ignore, severity, exclude and preview"}
	}
	codes := slices.Concat(c.Select, c.Ignore)
	for code, level := range c.Severity {
		if _, ok := severity(level); !ok {
			return nil, &faultError{fmt.Sprintf("%s gives %s the severity '%s'", file, code, level), "it is error, warning, info or hint"}
		}
		codes = append(codes, code)
	}
	for _, code := range codes {
		if code != "all" && !slices.Contains(lintCodes(), code) {
			var unknown *usageError
			errors.As(unknownCode(code), &unknown)
			return nil, &faultError{fmt.Sprintf("%s: %s", file, unknown.message), unknown.hint}
		}
	}
	for _, glob := range c.Exclude {
		if _, err := path.Match(glob, ""); err != nil {
			return nil, &faultError{fmt.Sprintf("%s: '%s' is no pattern of file names", file, glob), "for example 'generated/*.star'"}
		}
	}
	return c, nil
}

var yamlField = regexp.MustCompile(`^(line \d+: )field (\S+) not found in type \S+$`)

// yamlFault says what is wrong in the words of who writes the file, and nothing of our types.
func yamlFault(err error) string {
	var wrong *yaml.TypeError
	if !errors.As(err, &wrong) || len(wrong.Errors) == 0 {
		return strings.TrimPrefix(err.Error(), "yaml: ")
	}
	return yamlField.ReplaceAllString(wrong.Errors[0], "${1}unknown key '$2'")
}

// excludes says whether a pattern covers file, or a directory that it is in.
func (c *lintConfig) excludes(root, file string) bool {
	rel, err := filepath.Rel(root, file)
	if err != nil {
		return false
	}
	for rel = filepath.ToSlash(rel); rel != "." && rel != "/"; rel = path.Dir(rel) {
		for _, glob := range c.Exclude {
			if ok, _ := path.Match(glob, rel); ok {
				return true
			}
		}
	}
	return false
}

// options joins the package's wishes and those of the command line.
func (c *lintConfig) options(f *lintFlags, pkg *packages.Package) typecheck.Options {
	o := typecheck.Options{
		Select:     slices.Concat(c.Select, f.selected),
		Ignore:     slices.Concat(c.Ignore, f.ignored),
		Docstrings: f.checkDocstring,
		Severities: map[string]diag.Severity{},
		Replace:    replaced(pkg),
	}
	for code, level := range c.Severity {
		o.Severities[code], _ = severity(level)
	}
	return o
}

// replaced lists the packages that kurtosis.yml replaces.
func replaced(pkg *packages.Package) []string {
	if pkg.Manifest == nil {
		return nil
	}
	var names []string
	for _, r := range pkg.Manifest.Replace {
		names = append(names, r.Package)
	}
	return names
}
