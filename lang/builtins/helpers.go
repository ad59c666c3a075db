package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

func helpers() []Builtin {
	return []Builtin{
		{Name: "import_module", Doc: "Loads another module and returns it. Its globals are attributes: `lib = import_module(\"./lib.star\")`, then `lib.launch(plan)`. " +
			"A module is loaded once per run; modules that import each other in a circle are an error. A compose file can be imported, too: its module has a `run`.",
			Params: []Param{{Name: "module_file", Type: str, Required: true, Rule: "non-empty", Positional: false,
				Doc: "Locator of the module: relative to this file (`./lib.star`, `../lib.star`), to the root of the repository (`/src/lib.star`), or in another package " +
					"(`github.com/OWNER/REPO/FILE.star`, with `@VERSION` after the repository or the file to pin it). Files of the same package are imported by relative locators only."}},
			Result: &types.Module{}, Returns: "The module.",
			Example: "lib = import_module(\"./lib.star\")\n\ndef run(plan):\n    lib.greet(plan)\n",
			Files:   []File{{"lib.star", "def greet(plan):\n    plan.print(\"hello\")\n"}}},
		{Name: "read_file", Doc: "Returns the text of a file. Read while the script is interpreted: the file must be in a package.",
			Params: []Param{{Name: "src", Type: str, Required: true, Rule: "non-empty", Former: []string{"src_path"},
				Doc: "Locator of the file: relative to this one, or absolute, as for `import_module`."}},
			Result: str, Returns: "The text.",
			Example: "motd = read_file(src = \"./motd.txt\")\n\ndef run(plan):\n    plan.print(motd)\n",
			Files:   []File{{"motd.txt", "welcome\n"}}},
		{Name: "struct", Doc: "Makes a value with the given attributes. Attributes cannot be changed afterwards; two structs are equal when their attributes are.",
			Params: []Param{{Name: "kwargs", Type: anything, Variadic: "**", Doc: "The attributes."}},
			Result: &types.Struct{Open: true}, Returns: "The struct.",
			Example: inRun(`node = struct(name = "node-0", port = 8545)
plan.print(node.name)`)},
		{Name: "print", Doc: "Refuses: a script prints with `plan.print`. Output belongs to the plan, not to its interpretation.",
			Params:  []Param{{Name: "args", Type: anything, Variadic: "*", Doc: "What would be printed."}},
			Result:  none,
			Refused: "use plan.print instead",
			Example: inRun(`plan.print("hello")`)},
	}
}
