package plan

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
)

// SecretError says why an argument cannot be a secret.
type SecretError struct {
	Problem string
	hint    string
}

func (e *SecretError) Error() string { return e.Problem }

// Hint says what to do about it, or is "".
func (e *SecretError) Hint() string { return e.hint }

// MarkSecrets gives the secrets among the arguments of a package: the texts at paths. A path is the name of an argument,
// with the keys, or the indices, that lead into it after dots: mev.signing_key. The error is a *SecretError.
func MarkSecrets(args Value, paths []string) (*Secrets, error) {
	var values []string
	for _, path := range paths {
		v, ok := at(args, path)
		if !ok {
			e := &SecretError{Problem: "the secret '" + path + "' names no argument", hint: "arguments come with the package: ARGS, --args-file or --secret " + path + "=env:NAME"}
			if near, ok := diag.Closest(path, textPaths(args)); ok {
				e.hint = "did you mean '" + near + "'?"
			}
			return nil, e
		}
		text, ok := v.(String)
		if !ok {
			e := &SecretError{Problem: "the secret '" + path + "' is a " + v.Type() + ", and only a string can be hidden", hint: "write it in quotes"}
			switch v.(type) {
			case *Dict, *List:
				if e.hint = ""; len(textPaths(v)) > 0 {
					e.hint = "name a string in it: '" + path + "." + textPaths(v)[0] + "'"
				}
			case None:
				e.hint = ""
			}
			return nil, e
		}
		if err := CheckSecret(path, string(text)); err != nil {
			return nil, err
		}
		values = append(values, string(text))
	}
	return NewSecrets(values...), nil
}

// at finds the value at a path. Keys may hold dots.
func at(v Value, path string) (Value, bool) {
	switch v := v.(type) {
	case *Dict:
		if found, ok := v.Get(path); ok {
			return found, true
		}
		for i := range len(path) {
			if path[i] != '.' {
				continue
			}
			if inner, ok := v.Get(path[:i]); ok {
				if found, ok := at(inner, path[i+1:]); ok {
					return found, true
				}
			}
		}
	case *List:
		index, rest, deeper := strings.Cut(path, ".")
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 || n >= len(v.Items) {
			return nil, false
		}
		if !deeper {
			return v.Items[n], true
		}
		return at(v.Items[n], rest)
	}
	return nil, false
}

// textPaths lists the paths of the texts in a value.
func textPaths(v Value) []string {
	var list []string
	add := func(key string, v Value) {
		if _, ok := v.(String); ok {
			list = append(list, key)
		}
		for _, inner := range textPaths(v) {
			list = append(list, key+"."+inner)
		}
	}
	switch v := v.(type) {
	case *Dict:
		for _, item := range v.Items {
			add(StringOf(item.Key), item.Value)
		}
	case *List:
		for i, item := range v.Items {
			add(strconv.Itoa(i), item)
		}
	}
	return list
}

// PutArgument is arguments with a text at a path, in the place of what is there. Dicts on the way to it that are missing
// are made. The error is a *SecretError.
func PutArgument(args *Dict, path, text string) (*Dict, error) {
	v, err := put(args, path, path, String(text))
	if err != nil {
		return nil, err
	}
	out, _ := v.(*Dict) // as what it was given is one
	return out, nil
}

func put(v Value, whole, path string, text String) (Value, error) {
	key, rest, deeper := strings.Cut(path, ".")
	switch v := v.(type) {
	case *Dict:
		if _, ok := v.Get(path); ok || !deeper {
			key, rest, deeper = path, "", false
		}
		out := &Dict{Items: slices.Clone(v.Items)}
		i := slices.IndexFunc(out.Items, func(item Item) bool { return item.Key == String(key) })
		if i < 0 {
			out.Items = append(out.Items, Item{Key: String(key), Value: &Dict{}})
			i = len(out.Items) - 1
		}
		if !deeper {
			out.Items[i].Value = text
			return out, nil
		}
		inner, err := put(out.Items[i].Value, whole, rest, text)
		out.Items[i].Value = inner
		return out, err
	case *List:
		n, err := strconv.Atoi(key)
		if err != nil || n < 0 || n >= len(v.Items) {
			break
		}
		out := &List{Kind: v.Kind, Items: slices.Clone(v.Items)}
		if !deeper {
			out.Items[n] = text
			return out, nil
		}
		out.Items[n], err = put(v.Items[n], whole, rest, text)
		return out, err
	}
	if path == whole {
		return nil, &SecretError{Problem: "the secret '" + whole + "' names no argument"}
	}
	at := strings.TrimSuffix(strings.TrimSuffix(whole, path), ".")
	return nil, &SecretError{Problem: "the secret '" + whole + "' has no place in the arguments: '" + at + "' is a " + v.Type()}
}
