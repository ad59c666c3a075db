// Package dockerfile reads what has to be known of a Dockerfile before it is built: its stages and arguments, the
// images it starts from, and which line a step of a build is.
package dockerfile

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// DefaultName is the file that is built when none is named.
const DefaultName = "Dockerfile"

// File is a Dockerfile.
type File struct {
	// Syntax is the image of the line `# syntax=…`, which BuildKit downloads to read the rest; "" without.
	Syntax     string
	SyntaxLine int
	Stages     []Stage
	Args       []Arg // declared anywhere, in the order of the file

	lines  []line
	escape rune
}

// Stage begins with FROM.
type Stage struct {
	Name string // lower case, as the builder compares; "" without AS
	Base string // as written: an image, a stage, or with variables
	Line int

	from []string // of COPY --from and RUN --mount=from, as written
	args []Arg
}

// Arg is a declared build argument.
type Arg struct {
	Name    string
	Default string
	Global  bool // before the first FROM, where FROM can use it
}

type line struct {
	number int
	text   string // one line, white space collapsed
}

// Parse reads a Dockerfile. It fails where no builder could read it; whether its instructions make sense is the
// builder's to say.
func Parse(text []byte) (*File, error) {
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	f := &File{escape: parsed.EscapeToken}
	if image, _, at, ok := parser.DetectSyntax(text); ok {
		f.Syntax = image
		if len(at) > 0 {
			f.SyntaxLine = at[0].Start.Line
		}
	}
	for _, n := range parsed.AST.Children {
		f.lines = append(f.lines, line{n.StartLine, collapse(n.Original)})
		f.instruction(n)
	}
	if len(f.Stages) == 0 {
		return nil, fmt.Errorf("it has no FROM")
	}
	return f, nil
}

func (f *File) instruction(n *parser.Node) {
	words := words(n)
	var stage *Stage
	if len(f.Stages) > 0 {
		stage = &f.Stages[len(f.Stages)-1]
	}
	switch strings.ToLower(n.Value) {
	case "from":
		s := Stage{Line: n.StartLine}
		if len(words) > 0 {
			s.Base = words[0]
		}
		if len(words) == 3 && strings.EqualFold(words[1], "as") {
			s.Name = strings.ToLower(words[2])
		}
		f.Stages = append(f.Stages, s)
	case "arg":
		for _, w := range words {
			name, value, _ := strings.Cut(w, "=")
			a := Arg{Name: name, Default: strings.Trim(value, `"'`), Global: stage == nil}
			f.Args = append(f.Args, a)
			if stage != nil {
				stage.args = append(stage.args, a)
			}
		}
	case "copy", "run":
		for _, flag := range n.Flags {
			if from, ok := strings.CutPrefix(flag, "--from="); ok && stage != nil {
				stage.from = append(stage.from, from)
			}
			if mount, ok := strings.CutPrefix(flag, "--mount="); ok && stage != nil {
				for field := range strings.SplitSeq(mount, ",") {
					if from, ok := strings.CutPrefix(field, "from="); ok {
						stage.from = append(stage.from, from)
					}
				}
			}
		}
	}
}

func words(n *parser.Node) []string {
	var list []string
	for w := n.Next; w != nil; w = w.Next {
		list = append(list, w.Value)
	}
	return list
}

// Stage finds a stage as --target names it: by name, or by its number from 0.
func (f *File) Stage(name string) (*Stage, bool) {
	i := f.stage(name, len(f.Stages))
	if i < 0 {
		return nil, false
	}
	return &f.Stages[i], true
}

// stage is the index of a stage before the one given, -1 without: a stage can use only earlier ones.
func (f *File) stage(name string, before int) int {
	for i := before - 1; i >= 0; i-- { // the last of a name counts
		if f.Stages[i].Name != "" && strings.EqualFold(f.Stages[i].Name, name) {
			return i
		}
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < before {
		return n
	}
	return -1
}

// StageNames lists the stages that have a name, in order.
func (f *File) StageNames() []string {
	var names []string
	for _, s := range f.Stages {
		if s.Name != "" {
			names = append(names, s.Name)
		}
	}
	return names
}

// predefined are the arguments that every Dockerfile takes without ARG.
var predefined = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY", "SOURCE_DATE_EPOCH",
	"TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT", "BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT",
}

// Declares says whether the file takes an argument: by ARG, or because all do.
func (f *File) Declares(arg string) bool {
	return slices.ContainsFunc(f.Args, func(a Arg) bool { return a.Name == arg }) ||
		slices.ContainsFunc(predefined, func(p string) bool { return p == arg || strings.ToLower(p) == arg && strings.HasSuffix(p, "_PROXY") }) ||
		strings.HasPrefix(arg, "BUILDKIT_")
}

// ArgNames lists the declared arguments, each once, in order.
func (f *File) ArgNames() []string {
	var names []string
	for _, a := range f.Args {
		if !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// Images lists the images that a build of a stage ("" is the last) starts from or copies from, each once, sorted.
// References that variables make incomprehensible are left out; the builder will say so.
func (f *File) Images(target string, args map[string]string) []string {
	last := len(f.Stages) - 1
	if target != "" {
		if last = f.stage(target, len(f.Stages)); last < 0 {
			return nil
		}
	}
	global := map[string]string{}
	for _, a := range f.Args {
		if a.Global {
			global[a.Name] = f.expand(a.Default, global)
			if given, ok := args[a.Name]; ok {
				global[a.Name] = given
			}
		}
	}
	found, seen := map[string]bool{}, map[int]bool{}
	var visit func(i int)
	visit = func(i int) {
		if seen[i] {
			return
		}
		seen[i] = true
		use := func(name string) {
			if at := f.stage(name, i); at >= 0 {
				visit(at)
			} else if name != "" && name != "scratch" && !strings.Contains(name, "$") {
				found[name] = true
			}
		}
		s := f.Stages[i]
		use(f.expand(s.Base, global))
		for _, from := range s.from {
			use(from)
		}
	}
	visit(last)
	return slices.Sorted(maps.Keys(found))
}

func (f *File) expand(word string, values map[string]string) string {
	out, _, err := shell.NewLex(f.escape).ProcessWord(word, shell.EnvsFromSlice(pairs(values)))
	if err != nil {
		return ""
	}
	return out
}

func pairs(values map[string]string) []string {
	var list []string
	for k, v := range values {
		list = append(list, k+"="+v)
	}
	return list
}

// Line finds the instruction that a builder names when it runs it: "RUN make", "[build 2/3] RUN make" (BuildKit);
// 0 where it is none of the file, or not certain.
func (f *File) Line(step string) int {
	if strings.HasPrefix(step, "[") {
		_, after, ok := strings.Cut(step, "] ")
		if !ok {
			return 0
		}
		step = after
	}
	step = collapse(step)
	found := 0
	for _, l := range f.lines {
		if sameInstruction(l.text, step) {
			if found != 0 {
				return 0
			}
			found = l.number
		}
	}
	return found
}

// sameInstruction compares without regard to the case of the keyword, and to how a builder prints flags and lists.
func sameInstruction(a, b string) bool {
	keyA, restA, _ := strings.Cut(a, " ")
	keyB, restB, _ := strings.Cut(b, " ")
	return strings.EqualFold(keyA, keyB) && plain(restA) == plain(restB)
}

func plain(text string) string {
	return strings.NewReplacer(`"`, "", `'`, "", ",", " ", "[", "", "]", "", " ", "").Replace(text)
}

// collapse makes one line of an instruction that goes over several.
func collapse(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "\\\n", " ")), " ")
}
