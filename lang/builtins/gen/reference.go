package main

import (
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

// page is one file of the reference: the rows that belong to it, in the order of the table or by name.
type page struct {
	file, title, intro string
	sorted             bool
	rows               func(*builtins.Builtin) bool
}

func receiver(names ...string) func(*builtins.Builtin) bool {
	return func(b *builtins.Builtin) bool { return slices.Contains(names, b.Receiver) && b.Receiver != "" }
}

func kinds(kinds ...builtins.Kind) func(*builtins.Builtin) bool {
	return func(b *builtins.Builtin) bool {
		return b.Receiver == "" && !b.TestOnly && slices.Contains(kinds, b.Kind)
	}
}

var pages = []page{
	{"plan", "Plan instructions", "Methods of `plan`, the first parameter of `run`. Calling one adds a step to the plan; nothing happens until the plan is executed. " +
		"What is known only then, such as an address or the output of a command, is a *future*: a placeholder that is replaced when the step that uses it runs. " +
		"It can be passed on, put into strings and compared by `plan.verify`, but not looked at by the script.", false, receiver("plan")},
	{"types", "Types", "Values that instructions take and return. Arguments are given by name or in the order shown. An argument that was not given, or is `None`, is an absent attribute of the value.",
		false, kinds(builtins.Constructor)},
	{"helpers", "Helpers", "Functions that work while the script is interpreted, besides those of the language.", false, kinds(builtins.Helper)},
	{"modules", "Modules", "`json`, `time` and `kurtosis` are predeclared.", false, func(b *builtins.Builtin) bool {
		return kinds(builtins.Module)(b) || receiver("json", "time", "time.time")(b)
	}},
	{"universe", "Functions of the language", "What every module has. The dialect has no `set`, no `while`, no recursion, and no `for` or `if` outside functions.", true,
		kinds(builtins.Universe, builtins.Constant)},
	{"string", "Methods of strings", "Strings are immutable: methods return new ones. Indexes count bytes.", true, receiver("string", "bytes")},
	{"list", "Methods of lists", "Methods that change a list fail when it is frozen, as all values of a module are once it has been loaded, and while it is iterated over.", true, receiver("list")},
	{"dict", "Methods of dicts", "Dicts keep the order in which keys were added. Methods that change a dict fail when it is frozen, and while it is iterated over.", true, receiver("dict")},
	{"testing", "Names in test files", "`*_test.star` files, run by kurtosis-test, have these besides all others.", false, func(b *builtins.Builtin) bool { return b.TestOnly }},
}

// reference makes the pages and their index.
func reference() map[string][]byte {
	files := map[string][]byte{}
	var index strings.Builder
	index.WriteString(generated + "# Reference\n\nEverything that a Kurtosis module can name without defining it.\n")
	for _, p := range pages {
		rows := slices.DeleteFunc(builtins.All(), func(b *builtins.Builtin) bool { return !p.rows(b) })
		if p.sorted {
			slices.SortStableFunc(rows, func(a, b *builtins.Builtin) int {
				return strings.Compare(strings.ToLower(a.QualifiedName()), strings.ToLower(b.QualifiedName()))
			})
		}
		var w strings.Builder
		w.WriteString(generated + "# " + p.title + "\n\n" + p.intro + "\n")
		index.WriteString("\n## [" + p.title + "](" + p.file + ".md)\n\n| | |\n|---|---|\n")
		for _, b := range rows {
			w.WriteString("\n## " + b.QualifiedName() + "\n\n" + b.Markdown())
			index.WriteString("| [`" + b.QualifiedName() + "`](" + p.file + ".md#" + anchor(b) + ") | " + strings.ReplaceAll(b.Summary(), "|", `\|`) + " |\n")
		}
		files[referenceDir+"/"+p.file+".md"] = []byte(w.String())
	}
	files[referenceDir+"/README.md"] = []byte(index.String())
	return files
}

const generated = "<!-- Made from the table in lang/builtins by make update. Edit that. -->\n\n"

// anchor is the fragment that Markdown viewers give to the row's heading.
func anchor(b *builtins.Builtin) string {
	return strings.ToLower(strings.ReplaceAll(b.QualifiedName(), ".", ""))
}
