package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
)

// DecodeJSON reads a JSON text as Starlark's json.decode does: numbers with a point or an exponent are floats,
// objects are dicts in the order of the text, of keys that occur twice the last counts.
func DecodeJSON(text []byte) (Value, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	v, err := decodeJSON(decoder)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("unexpected text after the JSON value")
	}
	return v, nil
}

func decodeJSON(decoder *json.Decoder) (Value, error) {
	token, err := decoder.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	switch token := token.(type) {
	case nil:
		return None{}, nil
	case bool:
		return Bool(token), nil
	case string:
		return String(token), nil
	case json.Number:
		return number(token.String())
	case json.Delim:
		if token == '[' {
			list := &List{Items: []Value{}}
			for decoder.More() {
				item, err := decodeJSON(decoder)
				if err != nil {
					return nil, err
				}
				list.Items = append(list.Items, item)
			}
			_, err := decoder.Token()
			return list, err
		}
		return decodeObject(decoder)
	}
	return nil, fmt.Errorf("unexpected %v", token)
}

func decodeObject(decoder *json.Decoder) (Value, error) {
	dict, at := &Dict{}, map[string]int{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("unexpected %v where a key was wanted", token)
		}
		value, err := decodeJSON(decoder)
		if err != nil {
			return nil, err
		}
		if i, ok := at[key]; ok {
			dict.Items[i].Value = value
			continue
		}
		at[key] = len(dict.Items)
		dict.Items = append(dict.Items, Item{Key: String(key), Value: value})
	}
	_, err := decoder.Token()
	return dict, err
}

func number(text string) (Value, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %s is out of range", text)
		}
		return Float(f), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return NewInt(n), nil
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, fmt.Errorf("%s is not a number", text)
	}
	return NewBigInt(n), nil
}
