package ide

import (
	"fmt"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// StubScheme is the scheme of the read-only documents that stand for builtins: kurtosis-builtin:/plan.star.
const StubScheme = "kurtosis-builtin"

const stubPrefix = StubScheme + ":/"

// IsStub says whether a path names a stub.
func IsStub(path string) bool { return strings.HasPrefix(path, stubPrefix) }

// StubText is the text of a stub.
func StubText(path string) (string, error) {
	name := strings.TrimPrefix(path, stubPrefix)
	for _, s := range builtins.Stubs() {
		if s.Name == name {
			return s.Text, nil
		}
	}
	return "", fmt.Errorf("there is no document '%s'", path)
}

func stubFile(path string) (*source.File, error) {
	text, err := StubText(path)
	if err != nil {
		return nil, err
	}
	return source.NewFile(path, []byte(text)), nil
}

// stubOf is where a row of the table, or one of its parameters, stands in its stub.
func stubOf(row *builtins.Builtin, param string) (Location, bool) {
	stub, at, ok := builtins.FindStub(row)
	if !ok {
		return Location{}, false
	}
	line, col, name := at.Line, at.Col, row.Name
	if param != "" {
		if l, known := at.Params[param]; known {
			line, col, name = l, builtins.ParamCol, param
		}
	}
	start := source.Pos{Line: int32(line), Col: int32(col)}
	end := source.Pos{Line: start.Line, Col: start.Col + int32(len(name))}
	return Location{Path: stubPrefix + stub.Name, Range: source.Range{Start: start, End: end}}, true
}
