package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

func modules() []Builtin {
	return []Builtin{
		{Name: "json", Doc: "Turns values into JSON and back.", Result: moduleTerm("json"),
			Example: inRun("plan.print(json.encode({\"a\": [1, 2]}))")},
		{Name: "time", Doc: "Durations, and moments in time. `time.now` is refused, so that a package gives the same plan every time.", Result: moduleTerm("time"),
			Example: inRun("plan.print(str(3 * time.minute))")},
		{Name: "kurtosis", Doc: "Settings of the enclave that the package runs in. Its attributes are what whoever runs the engine has set for it, in lower case; without settings it has none. " +
			"Ask with `hasattr` before reading one.", Result: &types.Module{Name: "kurtosis"},
			Example: inRun("if hasattr(kurtosis, \"aws_access_key_id\"):\n    plan.print(\"running in the cloud\")")},
	}
}

func jsonMembers() []Builtin {
	return []Builtin{
		{Name: "encode", Doc: "Returns a value as JSON text. None, bools, numbers, strings, lists, tuples, dicts with string keys, and structs (as objects with sorted keys) can be encoded; anything else fails.",
			Params: []Param{{Name: "x", Type: anything, Required: true, Positional: true, Doc: "The value."}}, Result: str,
			Example: inRun(`plan.print(json.encode({"ports": [80, 443]}))`)},
		{Name: "decode", Doc: "Returns the value of a JSON text. Objects become dicts, arrays lists; a number without a fraction or exponent becomes an int. Fails when the text is not JSON.",
			Params: []Param{{Name: "x", Type: str, Required: true, Positional: true, Doc: "The JSON text."}}, Result: anything,
			Example: inRun(`settings = json.decode("{\"port\": 80}")
plan.print(settings["port"])`)},
		{Name: "indent", Doc: "Returns a JSON text with line breaks and indentation.",
			Params: []Param{
				{Name: "str", Type: str, Required: true, Positional: true, Doc: "The JSON text."},
				{Name: "prefix", Type: str, Default: `""`, Keyword: true, Doc: "What each line but the first starts with."},
				{Name: "indent", Type: str, Default: `"\t"`, Keyword: true, Doc: "Indentation for each level."},
			}, Result: str,
			Example: inRun(`plan.print(json.indent(json.encode({"a": 1}), indent = "  "))`)},
	}
}

func durationTerm() *types.Named {
	fields := []types.Field{}
	for _, unit := range []string{"hours", "minutes", "seconds"} {
		fields = append(fields, types.Field{Name: unit, Type: float, Doc: "The duration in " + unit + ", with fraction."})
	}
	for _, unit := range []string{"milliseconds", "microseconds", "nanoseconds"} {
		fields = append(fields, types.Field{Name: unit, Type: integer, Doc: "The duration in whole " + unit + "."})
	}
	return &types.Named{Name: "time.duration", Fields: fields}
}

func timeTerm() *types.Named {
	return &types.Named{Name: "time.time", Fields: []types.Field{
		{Name: "year", Type: integer, Doc: "The year."},
		{Name: "month", Type: integer, Doc: "The month, 1 to 12."},
		{Name: "day", Type: integer, Doc: "The day of the month, 1 to 31."},
		{Name: "hour", Type: integer, Doc: "The hour, 0 to 23."},
		{Name: "minute", Type: integer, Doc: "The minute, 0 to 59."},
		{Name: "second", Type: integer, Doc: "The second, 0 to 59."},
		{Name: "nanosecond", Type: integer, Doc: "The fraction of the second, in nanoseconds."},
		{Name: "unix", Type: integer, Doc: "Seconds since 1970-01-01 UTC."},
		{Name: "unix_nano", Type: integer, Doc: "Nanoseconds since 1970-01-01 UTC."},
	}}
}

func timeMembers() []Builtin {
	unit := func(name, doc string) Builtin {
		return Builtin{Name: name, Kind: Constant, Doc: doc, Result: durationType, Example: inRun("plan.print(str(2 * time." + name + "))")}
	}
	part := func(name string) Param {
		return Param{Name: name, Type: integer, Default: "0", Keyword: true, Doc: "The " + name + "."}
	}
	return []Builtin{
		unit("nanosecond", "A duration of one nanosecond."),
		unit("microsecond", "A duration of one microsecond."),
		unit("millisecond", "A duration of one millisecond."),
		unit("second", "A duration of one second."),
		unit("minute", "A duration of one minute."),
		unit("hour", "A duration of one hour."),
		{Name: "from_timestamp", Doc: "Returns the moment that is so many seconds after 1970-01-01 UTC.",
			Params: []Param{
				{Name: "sec", Type: integer, Required: true, Positional: true, Doc: "Seconds."},
				{Name: "nsec", Type: integer, Default: "0", Positional: true, Doc: "Nanoseconds to add."},
			}, Result: timeType, Example: inRun("plan.print(time.from_timestamp(1700000000).year)")},
		{Name: "is_valid_timezone", Doc: "Says whether a name is a time zone's.",
			Params: []Param{{Name: "loc", Type: str, Required: true, Positional: true, Doc: "Name such as `Europe/Paris`."}},
			Result: boolean, Example: inRun(`plan.print(time.is_valid_timezone("UTC"))`)},
		{Name: "now", Doc: "Refuses: a package must give the same plan every time it is interpreted.", Result: timeType,
			Refused: "pass the time as an argument of the package, or read the clock in a task: plan.run_sh(run = \"date +%s\")",
			Example: inRun(`clock = plan.run_sh(run = "date +%s")
plan.print(clock.output)`)},
		{Name: "parse_duration", Doc: "Returns the duration that a text such as `1h30m` stands for. Fails when it is not one.",
			Params: []Param{{Name: "d", Type: union(str, durationType), Required: true, Positional: true, Doc: "Number and unit, once or more: `ns`, `us`, `ms`, `s`, `m`, `h`."}},
			Result: durationType, Example: inRun(`plan.print(time.parse_duration("1h30m").minutes)`)},
		{Name: "parse_time", Doc: "Returns the moment that a text stands for. Fails when it does not have the format.",
			Params: []Param{
				{Name: "x", Type: str, Required: true, Doc: "The text."},
				{Name: "format", Type: str, Default: `"2006-01-02T15:04:05Z07:00"`, Doc: "Layout as in Go: how the moment Mon Jan 2 15:04:05 MST 2006 would be written. Default RFC 3339."},
				{Name: "location", Type: str, Default: `"UTC"`, Doc: "Time zone of a text that names none."},
			}, Result: timeType, Example: inRun(`plan.print(time.parse_time("2026-08-18T12:00:00Z").unix)`)},
		{Name: "time", Doc: "Returns the moment with the given date and clock time.",
			Params: []Param{
				part("year"), part("month"), part("day"), part("hour"), part("minute"), part("second"), part("nanosecond"),
				{Name: "location", Type: str, Default: `"UTC"`, Keyword: true, Doc: "Name of the time zone."},
			}, Result: timeType, Example: inRun("plan.print(time.time(year = 2026, month = 8, day = 18).unix)")},
	}
}

func timeMethods() []Builtin {
	return []Builtin{
		{Name: "format", Doc: "Returns the moment as text.",
			Params: []Param{{Name: "layout", Type: str, Required: true, Positional: true, Doc: "Layout as in Go: how the moment Mon Jan 2 15:04:05 MST 2006 would be written."}},
			Result: str, Example: inRun(`plan.print(time.from_timestamp(0).in_location("UTC").format("2006-01-02"))`)},
		{Name: "in_location", Doc: "Returns the same moment in another time zone.",
			Params: []Param{{Name: "location", Type: str, Required: true, Positional: true, Doc: "Name such as `Europe/Paris`."}},
			Result: timeType, Example: inRun(`plan.print(time.from_timestamp(0).in_location("UTC").hour)`)},
	}
}
