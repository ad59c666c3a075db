package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// What the kurtosis-test runner predeclares in *_test.star files.

var mockType = &types.Named{Name: "mock", Fields: []types.Field{
	{Name: "original", Type: types.Callable, Doc: "The function that the mock stands in for."},
}}

func testModules() []Builtin {
	return tests([]Builtin{
		{Name: "expect", Doc: "Assertions for tests.", Result: moduleTerm("expect"), Example: inTest("expect.eq(1 + 1, 2)")},
		{Name: "assert", Doc: "Assertions for tests. Newer tests call it `expect`.", Result: moduleTerm("assert"), Example: inTest("assert.eq(1 + 1, 2)")},
		{Name: "kurtosistest", Doc: "Lets tests look at what a package asked the plan for.", Result: moduleTerm("kurtosistest"),
			Example: inTest("mock_run_sh = kurtosistest.mock(plan, \"run_sh\")\nplan.run_sh(run = \"ls\")\nexpect.eq(len(mock_run_sh.calls()), 1)")},
	})
}

// expectMembers are the assertions, under either of their names.
func expectMembers(module string) []Builtin {
	arg := func(name, doc string) Param { return Param{Name: name, Type: anything, Required: true, Doc: doc} }
	example := func(call string) string { return inTest(module + "." + call) }
	return tests([]Builtin{
		{Name: "contains", Doc: "Fails the test unless a container has an element.", Params: []Param{arg("x", "The container."), arg("y", "The element.")}, Result: none, Example: example("contains([1, 2], 1)")},
		{Name: "eq", Doc: "Fails the test unless two values are equal.", Params: []Param{arg("x", "What was found."), arg("y", "What was wanted.")}, Result: none, Example: example("eq(\"a\".upper(), \"A\")")},
		{Name: "fail", Doc: "Fails the test.", Params: []Param{arg("msg", "Why.")}, Result: none, Example: "def test_it(plan):\n    if False:\n        " + module + ".fail(\"not reached\")\n"},
		{Name: "fails", Doc: "Fails the test unless a function fails with a matching message.",
			Params: []Param{
				{Name: "f", Type: types.Callable, Required: true, Doc: "A function without parameters."},
				{Name: "pattern", Type: str, Required: true, Doc: "Regular expression that the message must match."},
			}, Result: none, Example: example("fails(lambda: fail(\"no port\"), \"port\")")},
		{Name: "lt", Doc: "Fails the test unless one value is less than another.", Params: []Param{arg("x", "The lesser."), arg("y", "The greater.")}, Result: none, Example: example("lt(1, 2)")},
		{Name: "ne", Doc: "Fails the test unless two values differ.", Params: []Param{arg("x", "One value."), arg("y", "The other.")}, Result: none, Example: example("ne(1, 2)")},
		{Name: "true", Doc: "Fails the test unless a condition holds.",
			Params: []Param{arg("cond", "The condition."), {Name: "msg", Type: str, Default: `"assertion failed"`, Doc: "What to say when it does not hold."}},
			Result: none, Example: example("true(1 < 2)")},
	})
}

func kurtosisTestMembers() []Builtin {
	return tests([]Builtin{
		{Name: "debug", Doc: "Shows a value while the tests run.", Params: []Param{{Name: "value", Type: anything, Required: true, Doc: "The value."}}, Result: none,
			Example: inTest("kurtosistest.debug(\"here\")")},
		{Name: "get_service_config", Doc: "Returns the configuration that a service was added with, or None.",
			Params: []Param{{Name: "service_name", Type: str, Required: true, Doc: "Name of the service."}}, Result: union(serviceConfigType, none),
			Example: inTest("plan.add_service(name = \"db\", config = ServiceConfig(image = \"postgres:16\"))\nexpect.eq(kurtosistest.get_service_config(service_name = \"db\").image, \"postgres:16\")")},
		{Name: "mock", Doc: "Replaces a function of the plan or of a module until the test ends, and records the calls.",
			Params: []Param{
				{Name: "target", Type: anything, Required: true, Doc: "The plan or the module."},
				{Name: "method_name", Type: str, Required: true, Doc: "Name of the function."},
			}, Result: mockType, Example: inTest("kurtosistest.mock(plan, \"run_sh\")")},
	})
}

func mockMethods() []Builtin {
	return tests([]Builtin{
		{Name: "calls", Doc: "Returns the calls made so far: structs with `args`, `kwargs` and `return_value`.",
			Result: list(&types.Struct{Fields: []types.Field{
				{Name: "args", Type: list(anything)}, {Name: "kwargs", Type: dict(str, anything)}, {Name: "return_value", Type: anything},
			}}), Example: inTest("expect.eq(kurtosistest.mock(plan, \"run_sh\").calls(), [])")},
		{Name: "mock_return_value", Doc: "Sets what calls return from now on, and returns the mock. Without an argument, calls go to the original again.",
			Params: []Param{{Name: "value", Type: anything, Doc: "The value."}}, Result: mockType,
			Example: inTest("kurtosistest.mock(plan, \"run_sh\").mock_return_value(42)")},
	})
}

func tests(rows []Builtin) []Builtin {
	for i := range rows {
		rows[i].TestOnly = true
	}
	return rows
}

func inTest(body string) string { return "def test_it(plan):\n" + indent(body) }
