package event

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// filled sets every field, so that none can get lost unnoticed.
func filled(t *testing.T, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("<tëxt> & \"more\"\n" + string(rune('a'+depth)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(depth+1) * int64(time.Millisecond))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			filled(t, v.Index(i), depth+i+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(t, v.Elem(), depth+1)
	case reflect.Struct:
		for i := range v.NumField() {
			filled(t, v.Field(i), depth+i+1)
		}
	default:
		t.Fatalf("a field of kind %s", v.Kind())
	}
}

// events are all types that have a Type method.
func events(t *testing.T) map[string]reflect.Type {
	list := map[string]reflect.Type{}
	for _, e := range []Event{
		UploadProgress{}, PhaseStarted{}, PhaseEnded{}, Planned{}, ImageProgress{}, ImageReady{}, StepStarted{}, StepProgress{}, StepRetry{}, StepFinished{},
		StepFailed{}, StepSkipped{}, ServiceReady{}, ServiceRemoved{}, Warning{}, Info{}, Result{},
	} {
		list[reflect.TypeOf(e).Name()] = reflect.TypeOf(e)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "Type" {
			require.Contains(t, list, f.Recv.List[0].Type.(*ast.Ident).Name)
		}
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	for name, typ := range events(t) {
		empty := reflect.New(typ).Elem()
		full := reflect.New(typ).Elem()
		filled(t, full, 0)
		for _, v := range []reflect.Value{empty, full} {
			sent := v.Interface().(Event)
			line, err := Encode(sent)
			require.NoError(t, err, name)
			got, err := Decode(line)
			require.NoError(t, err, name)
			require.Equal(t, sent, got, string(line))
			var log bytes.Buffer
			NewJSONLines(&log, at).Emit(sent)
			got, err = Decode(log.Bytes())
			require.NoError(t, err, name)
			require.Equal(t, sent, got, log.String())
		}
	}
}

func TestRoundTripOfOutput(t *testing.T) {
	for _, output := range []string{
		"", `"text"`, `struct(a = 1)`, `"struct(a = 1)"`, "1", "{}", "[]", "null", "{\n\t\"a\": [\n\t\t1,\n\t\t\"<&>\"\n\t],\n\t\"b\": 1.0\n}", "12345678901234567890123", "<b>",
	} {
		line, err := Encode(Result{Status: Succeeded, Output: output})
		require.NoError(t, err)
		got, err := Decode(line)
		require.NoError(t, err)
		require.Equal(t, Result{Status: Succeeded, Output: output}, got, string(line))
	}
}

func TestDecodeRefuses(t *testing.T) {
	for line, want := range map[string]string{
		`no`:                          "an event is no JSON object: invalid character 'o' in literal null (expecting 'u')",
		`{"type":"info","message":1}`: "an event of type 'info': json: cannot unmarshal number into Go struct field Info.message of type string",
	} {
		_, err := Decode([]byte(line))
		require.EqualError(t, err, want)
	}
	e, err := Decode([]byte(`{"type":"teleported"}`))
	require.NoError(t, err)
	require.Equal(t, Info{Message: "an event of type 'teleported', which this version does not know"}, e)
}
