package typecheck

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
)

// Rule is a kind of diagnostic, with its documentation.
type Rule struct {
	Code     string
	Severity diag.Severity
	Off      bool       // reported only when it is selected
	Fix      FixKind    // whether it comes with a fix
	Tags     []diag.Tag // how an editor draws it
	Summary  string     // one sentence, without the code
	Doc      string     // Markdown: why it is a fault
	Bad      string     // a module that has it
	Good     string     // the same, mended
	Args     bool       // the examples are arguments of a run, in YAML
}

// FixKind says what fixes a rule offers.
type FixKind uint8

const (
	NoFix      FixKind = iota
	Suggestion         // for people to choose
	SafeFix            // sometimes applied by lint --fix
)

// Options choose what is reported.
type Options struct {
	Select     []string                 // codes that are reported though they are off by default, or "all"
	Ignore     []string                 // codes that are not reported
	Docstrings bool                     // check docstrings: missing-docstring is on
	Severities map[string]diag.Severity // by code, instead of the rule's own
	Replace    []string                 // packages that kurtosis.yml replaces: their imports need no version
	Reveal     bool                     // reveal_type(x) reports the type of x, for tests
}

// enabled says whether a rule is reported.
func (o Options) enabled(r *Rule) bool {
	if slices.Contains(o.Ignore, r.Code) {
		return false
	}
	if r.Off {
		return slices.Contains(o.Select, r.Code) || slices.Contains(o.Select, "all") || o.Docstrings && r.Code == "missing-docstring"
	}
	return true
}

// Replaced says whether the package of a locator is replaced by kurtosis.yml.
func (o Options) Replaced(locator string) bool {
	for _, r := range o.Replace {
		if locator == r || strings.HasPrefix(locator, r+"/") {
			return true
		}
	}
	return false
}

// Rules lists all rules of the checker by code.
func Rules() []*Rule {
	return slices.SortedFunc(maps.Values(registry), func(a, b *Rule) int { return cmp.Compare(a.Code, b.Code) })
}

// Lookup returns the rule with that code, or nil.
func Lookup(code string) *Rule { return registry[code] }

// Codes lists every code that has a page, sorted: the checker's, the parser's, and those of the commands.
func Codes() []string {
	codes := slices.AppendSeq(slices.Collect(maps.Keys(registry)), maps.Keys(commandRules))
	for _, c := range parse.Codes() {
		codes = append(codes, c.Name)
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// Page is the documentation of a code in Markdown, and whether there is such a code.
func Page(code string) (string, bool) {
	if r := documented(code); r != nil {
		return r.page(), true
	}
	for _, c := range parse.Codes() {
		if c.Name == code {
			r := Rule{Code: c.Name, Severity: diag.Error, Summary: c.Summary, Bad: c.Bad, Good: c.Good, Doc: "The file cannot be run. What follows the fault is still checked, as far as it can be made out."}
			return r.page(), true
		}
	}
	return "", false
}

func (r *Rule) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", r.Code)
	summary := r.Summary
	if summary != "" {
		summary = strings.ToUpper(summary[:1]) + summary[1:]
	}
	fmt.Fprintf(&b, "%s.\n\n", strings.TrimSuffix(summary, "."))
	state := "on"
	if r.Off {
		state = "off; switch it on with `--select " + r.Code + "`"
	}
	fix := [...]string{"none", "a suggestion in the editor", "`kurtosis lint --fix`, where it is safe"}[r.Fix]
	fmt.Fprintf(&b, "Severity: %s · default: %s · fix: %s\n", r.Severity, state, fix)
	if r.Doc != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(r.Doc))
	}
	language := "python"
	if r.Args {
		language = "yaml"
	}
	if r.Bad != "" {
		fmt.Fprintf(&b, "\n## Reported\n\n```%s\n%s\n```\n", language, strings.TrimRight(r.Bad, "\n"))
	}
	if r.Good != "" {
		fmt.Fprintf(&b, "\n## Instead\n\n```%s\n%s\n```\n", language, strings.TrimRight(r.Good, "\n"))
	}
	if commandRules[r.Code] == r && r.Code != "formatting" {
		return b.String()
	}
	fmt.Fprintf(&b, "\nTo switch it off: `# kurtosis: ignore[%s]` at the end of the line or on the line above it, "+
		"`# kurtosis: ignore-file[%s]` for the file, `ignore: [%s]` in `.kurtosis-lint.yml` for the package.\n", r.Code, r.Code, r.Code)
	return b.String()
}

// registry holds every rule by code.
var registry = index(nameRules, callRules, valueRules, flowRules, futureRules, stringRules, moduleRules, planRules, imageRules)

func index(groups ...[]Rule) map[string]*Rule {
	m := map[string]*Rule{}
	for _, g := range groups {
		for i := range g {
			m[g[i].Code] = &g[i]
		}
	}
	return m
}

// PageIndex is the list of all codes in Markdown.
func PageIndex() string {
	var b strings.Builder
	b.WriteString("# Diagnostics\n\nWhat `kurtosis lint`, `kurtosis run` and the editor report. " +
		"An error fails when its line runs; a warning is almost surely wrong; infos and hints are advice. " +
		"`kurtosis lint --explain CODE` shows a page in the terminal.\n\n| code | severity | what it is |\n|---|---|---|\n")
	for _, code := range Codes() {
		severity, summary := diag.Error, ""
		if r := documented(code); r != nil {
			severity, summary = r.Severity, r.Summary
		}
		for _, c := range parse.Codes() {
			if c.Name == code {
				summary = c.Summary
			}
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", code, code, severity, strings.ReplaceAll(summary, "|", "\\|"))
	}
	return b.String()
}
