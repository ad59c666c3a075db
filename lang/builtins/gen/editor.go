package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

var placeholder = regexp.MustCompile(`@([A-Z]+)@`)

// grammar fills the words of the table into the TextMate grammar. Longer words come first, so that an alternative
// never hides another that it begins.
func grammar(template []byte) ([]byte, error) {
	words := map[string]string{
		"INSTRUCTIONS": words(receiver("plan")),
		"CONSTRUCTORS": words(kinds(builtins.Constructor)),
		"HELPERS":      words(kinds(builtins.Helper)),
		"MODULES":      words(func(b *builtins.Builtin) bool { return b.Kind == builtins.Module }),
		"UNIVERSE":     words(kinds(builtins.Universe)),
	}
	var unknown []string
	out := placeholder.ReplaceAllFunc(template, func(m []byte) []byte {
		w, ok := words[string(m[1:len(m)-1])]
		if !ok {
			unknown = append(unknown, string(m))
		}
		return []byte(w)
	})
	if len(unknown) > 0 {
		return nil, fmt.Errorf("unknown placeholder %s", strings.Join(unknown, ", "))
	}
	if !json.Valid(out) {
		return nil, fmt.Errorf("not JSON once the words are filled in")
	}
	return out, nil
}

func words(rows func(*builtins.Builtin) bool) string {
	var out []string
	for _, b := range builtins.All() {
		if rows(b) {
			out = append(out, b.Name)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return strings.Join(slices.Compact(out), "|")
}

type snippet struct {
	Prefix      string   `json:"prefix"`
	Body        []string `json:"body"`
	Description string   `json:"description"`
}

// snippets has one for each instruction and type, and a few for what every package starts with.
func snippets() ([]byte, error) {
	all := map[string]snippet{
		"run": {"run", []string{"def run(plan, ${1:args={}}):", "\t${0:pass}"}, "The function that a package starts with."},
		"documented function": {"def", []string{
			"def ${1:name}(plan, ${2:param}):", "\t\"\"\"${3:What it does.}", "", "\tArgs:", "\t\t${2:param} (${4:string}): ${5:what it is}", "\t\"\"\"", "\t${0:pass}",
		}, "A function with a docstring that says the types of its parameters."},
		"service with a port": {"service", []string{
			"${1:service} = plan.add_service(", "\tname=\"${2:name}\",", "\tconfig=ServiceConfig(", "\t\timage=\"${3:image}\",",
			"\t\tports={\"${4:http}\": PortSpec(number=${5:80}, application_protocol=\"${6:http}\")},", "\t),", ")$0",
		}, "A service with one port."},
		"wait for http": {"waithttp", []string{
			"plan.wait(", "\tservice_name=\"${1:name}\",", "\trecipe=GetHttpRequestRecipe(port_id=\"${2:http}\", endpoint=\"${3:/}\"),",
			"\tfield=\"code\",", "\tassertion=\"==\",", "\ttarget_value=${4:200},", "\ttimeout=\"${5:1m}\",", ")$0",
		}, "Waits until a service answers over HTTP."},
	}
	for _, b := range builtins.All() {
		if b.Kind != builtins.Instruction && b.Kind != builtins.Constructor && b.Kind != builtins.Helper || b.Refused != "" {
			continue
		}
		name, body := b.QualifiedName(), b.Snippet()
		if b.Receiver != "" {
			body = b.Receiver + "." + body
		}
		all[name] = snippet{name, strings.Split(body, "\n"), b.Summary()}
	}
	return encode(all)
}

// manifestSchema is the JSON Schema of kurtosis.yml, for editors' YAML support.
func manifestSchema() ([]byte, error) {
	const locator = `^github\.com/[^/@\s]+/[^/@\s]+(/[^/@\s]+)*`
	type object = map[string]any
	return encode(object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"$id":         "https://github.com/kurtosis-go/kurtosis/raw/main/editors/vscode/schemas/kurtosis.yml.schema.json",
		"title":       "kurtosis.yml",
		"description": "The file that makes a directory a Kurtosis package.",
		"type":        "object",
		"required":    []string{"name"},
		"properties": object{
			"name": object{
				"type":        "string",
				"pattern":     locator + "$",
				"description": "Locator of the package: github.com/OWNER/REPOSITORY, followed by the directory when it is not the repository's root. It must say where the package is, without a slash at the end.",
				"examples":    []string{"github.com/kurtosis-tech/postgres-package"},
			},
			"description": object{
				"type":        "string",
				"description": "What the package is for. Markdown; shown in catalogs.",
			},
			"replace": object{
				"type": "object",
				"description": "Packages to put in the place of others, here and in everything that is imported: the locator of a package → another locator, perhaps with @VERSION, " +
					"or a directory of this machine, which starts with a dot or a slash. The longest locator that fits counts. Only the package that is run is asked.",
				"propertyNames": object{"pattern": locator + "$"},
				"additionalProperties": object{
					"type":    "string",
					"pattern": locator + `(@[^\s]+)?$|^[./]`,
				},
				"examples": []object{{"github.com/kurtosis-tech/postgres-package": "../postgres-package"}},
			},
		},
		"additionalProperties": false,
	})
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}
