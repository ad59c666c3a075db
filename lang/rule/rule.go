// Package rule holds the named predicates on values that Kurtosis packages write: names, ports, durations, labels,
// references. Each says in words what is wrong, so that the checker, the preview and the backends say it alike.
package rule

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Rule is one predicate. Text or Number is set, by what it judges.
type Rule struct {
	Name   string
	Want   string // what is accepted, as a noun phrase: "1 to 63 lower-case letters …"
	Text   func(value string) (message string, ok bool)
	Number func(value int64) (message string, ok bool)
}

// Check applies the rule of that name to a string. A message is lower case, names the value, and says what is
// wanted; it is "" when ok. A name that no rule of strings has is not ok.
func Check(name, value string) (message string, ok bool) {
	r := Lookup(name)
	if r == nil || r.Text == nil {
		return fmt.Sprintf("no rule %q for strings", name), false
	}
	return r.Text(value)
}

// CheckInt applies the rule of that name to an int.
func CheckInt(name string, value int64) (message string, ok bool) {
	r := Lookup(name)
	if r == nil || r.Number == nil {
		return fmt.Sprintf("no rule %q for ints", name), false
	}
	return r.Number(value)
}

// Lookup returns the rule of that name, or nil.
func Lookup(name string) *Rule {
	i, found := slices.BinarySearchFunc(rules, name, func(r Rule, name string) int { return strings.Compare(r.Name, name) })
	if !found {
		return nil
	}
	return &rules[i]
}

// All lists the rules by name.
func All() []Rule { return slices.Clone(rules) }

var rules = sorted([]Rule{
	text("service-name", "service name", dnsLabel+" (RFC 1035)", matches(`[a-z]([-a-z0-9]{0,61}[a-z0-9])?`)),
	text("port-id", "port id", "1 to 15 lower-case letters, digits and \"-\", starting with a letter and not ending with \"-\" (RFC 6335)", matches(`[a-z]([-a-z0-9]{0,13}[a-z0-9])?`)),
	text("transport-protocol", "transport protocol", "TCP, UDP or SCTP", matches(`TCP|UDP|SCTP|`)),
	text("application-protocol", "application protocol", "letters, digits, \"+\", \".\" and \"-\"", matches(`[a-zA-Z0-9+.-]*`)),
	text("duration", "duration", "a Go duration such as \"500ms\", \"30s\" or \"2m\"", func(s string) bool { d, err := time.ParseDuration(s); return err == nil && d >= 0 }),
	text("interval", "interval", "a Go duration above zero, such as \"500ms\" or \"1s\"", func(s string) bool { d, err := time.ParseDuration(s); return err == nil && d > 0 }),
	text("artifact-name", "files artifact name", "a printable name that is not empty", func(s string) bool { return s != "" && printable(s) }),
	text("label-key", "label key", "1 to 63 letters, digits, \"-\", \"_\" and \".\", starting and ending with a letter or a digit (for Docker and Kubernetes)", matches(labelText)),
	text("label-value", "label value", "at most 63 letters, digits, \"-\", \"_\" and \".\", starting and ending with a letter or a digit (for Docker and Kubernetes)", matches(labelText+`|`)),
	text("persistent-key", "persistent key", dnsLabel, matches(`[a-z]([-a-z0-9]{0,61}[a-z0-9])?`)),
	text("enclave-name", "enclave name", "1 to 60 letters, digits, \"-\", \"_\" and \".\", starting with a letter or a digit", matches(`[A-Za-z0-9][-A-Za-z0-9_.]{0,59}`)),
	text("image-reference", "image", "[REGISTRY/]NAME[:TAG][@DIGEST], the name in lower case", imageReference),
	text("env-name", "environment variable name", "a name that is not empty and has no \"=\"", func(s string) bool { return s != "" && !strings.ContainsAny(s, "=\x00") }),
	text("abs-path", "path", "an absolute path", func(s string) bool { return strings.HasPrefix(s, "/") && !strings.Contains(s, "\x00") }),
	text("url", "url", "a text with valid % escapes", func(s string) bool { _, err := url.ParseQuery(s); return err == nil }),
	{Name: "non-empty", Want: "a string that is not empty", Text: func(s string) (string, bool) {
		if s == "" {
			return "the string is empty", false
		}
		return "", true
	}},
	number("port-number", "port number", 1, 65535, ""),
	number("memory", "memory", 6, maxInt, " MB"),
	number("cpu", "value", 0, maxInt, ""),
	number("not-negative", "value", 0, maxInt, ""),
	number("directory-size", "size", 1, maxInt, " MB"),
})

const (
	maxInt    = 1<<63 - 1
	dnsLabel  = "1 to 63 lower-case letters, digits and \"-\", starting with a letter and not ending with \"-\""
	labelText = `[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?`
)

func sorted(rules []Rule) []Rule {
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return rules
}

func text(name, noun, want string, valid func(string) bool) Rule {
	return Rule{Name: name, Want: want, Text: func(s string) (string, bool) {
		if valid(s) {
			return "", true
		}
		if s == "" {
			return fmt.Sprintf("the %s is empty: want %s", noun, want), false
		}
		return fmt.Sprintf("%s %s is not valid: want %s", noun, quote(s), want), false
	}}
}

// quote shortens what is too long to be read in a message.
func quote(s string) string {
	const most = 80
	if utf8.RuneCountInString(s) > most {
		return strconv.Quote(string([]rune(s)[:most])) + "…"
	}
	return strconv.Quote(s)
}

func number(name, noun string, low, high int64, unit string) Rule {
	want := fmt.Sprintf("%d to %d%s", low, high, unit)
	if high == maxInt {
		want = fmt.Sprintf("%d%s or more", low, unit)
	}
	return Rule{Name: name, Want: want, Number: func(n int64) (string, bool) {
		if n < low || n > high {
			return fmt.Sprintf("%s %d is out of range: want %s", noun, n, want), false
		}
		return "", true
	}}
}

// compiled defers the cost of a pattern to its first use: most runs of the command need few of them.
func compiled(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) })
}

func matches(pattern string) func(string) bool {
	re := compiled(pattern)
	return func(s string) bool { return re().MatchString(s) }
}

func printable(s string) bool {
	return strings.IndexFunc(s, unicode.IsControl) < 0
}

// The grammar of image references, as every registry client has it.
var imageSyntax = compiled(`(?:(` + imageDomain + `)/)?(` + imagePath + `)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?`)

const (
	imageDomain = `(?:localhost|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)+|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*:[0-9]+|\[[0-9a-fA-F:]+\](?::[0-9]+)?)`
	imagePart   = `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
	imagePath   = imagePart + `(?:/` + imagePart + `)*`
)

func imageReference(s string) bool {
	m := imageSyntax().FindStringSubmatch(s)
	return m != nil && len(m[1])+1+len(m[2]) <= 256
}
