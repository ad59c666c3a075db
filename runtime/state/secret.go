package state

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// secretsFile holds what no other file of the state shows: in these, references stand for it. It is written before
// anything that refers to it, and only ever grows.
const secretsFile = "secrets.json"

// secretsContent is the content of secretsFile.
type secretsContent struct {
	Format int      `json:"format"`
	Key    string   `json:"key"`   // of the enclave, so that no text looks like a reference by chance
	Texts  []string `json:"texts"` // by the number in references
}

// secrets are those of an enclave, ready to be used. The zero value has none.
type secrets struct {
	secretsContent
	hide           *plan.Secrets
	seal, unseal   *strings.Replacer // of files, where texts are within quotes
	refer, resolve *strings.Replacer // of texts
}

// SecretReference is what every reference to a secret begins with.
const SecretReference = "{{secret:"

func (c secretsContent) reference(what string) string {
	return SecretReference + c.Key + ":" + what + "}}"
}

func newSecrets(c secretsContent) secrets {
	s := secrets{secretsContent: c, hide: plan.SecretTexts(c.Texts...)}
	if len(c.Texts) == 0 {
		return s
	}
	number := make(map[string]int, len(c.Texts))
	for i, text := range c.Texts {
		number[text] = i
	}
	// A text that looks like a reference of this enclave is none: its beginning gets a reference of its own.
	literal := SecretReference + c.Key + ":"
	there, back := []string{literal, c.reference("")}, []string{c.reference(""), literal}
	inFiles, ofFiles := slices.Clone(there), slices.Clone(back)
	for _, text := range s.hide.Texts() { // the longest first, as one may be part of another
		reference := c.reference(strconv.Itoa(number[text]))
		there, back = append(there, text, reference), append(back, reference, text)
		inFiles, ofFiles = append(inFiles, quoted(text), reference), append(ofFiles, reference, quoted(text))
	}
	s.seal, s.unseal = strings.NewReplacer(inFiles...), strings.NewReplacer(ofFiles...)
	s.refer, s.resolve = strings.NewReplacer(there...), strings.NewReplacer(back...)
	return s
}

// quoted is a text as it is within quotes in a file of the state.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil { // texts always encode
		return text
	}
	return string(out[1 : len(out)-1])
}

// sealed is the content of a file as it is written. Whatever it holds, unsealed gives it back as it was.
func (s *secrets) sealed(data []byte) []byte {
	if s.seal == nil {
		return data
	}
	return []byte(s.seal.Replace(string(data)))
}

func (s *secrets) unsealed(data []byte) []byte {
	if s.unseal == nil {
		return data
	}
	return []byte(s.unseal.Replace(string(data)))
}

// loadSecrets reads the secrets of the enclave, which most have not.
func (s *Store) loadSecrets() error {
	path := s.path(secretsFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var c secretsContent
	if err := json.Unmarshal(data, &c); err != nil {
		return s.quarantine(path, err)
	}
	if c.Format > Format {
		return &NewerError{path, c.Format}
	}
	s.secrets = newSecrets(c)
	return nil
}

// reveal is what was written to a file, given what is in it. A reference that is not known yet is to what another process
// has kept since the secrets were read.
func (s *Store) reveal(data []byte) ([]byte, error) {
	s.shows = s.shows || !bytes.Equal(s.secrets.sealed(data), data)
	out := s.secrets.unsealed(data)
	if !bytes.Contains(out, []byte(SecretReference)) {
		return out, nil
	}
	if err := s.loadSecrets(); err != nil {
		return nil, err
	}
	return s.secrets.unsealed(data), nil
}

// Secrets are the texts that nothing shows of this enclave: those of all its runs.
func (s *Store) Secrets() *plan.Secrets {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.secrets.hide
}

// KeepSecrets adds to the enclave's secrets. When it returns nil they are on disk, in a file of their own that nobody
// else may read, and no other file that is written from now on has them. It is for the holder of the enclave's lock.
func (s *Store) KeepSecrets(add *plan.Secrets) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := secretsContent{Format: Format, Key: s.secrets.Key, Texts: slices.Clone(s.secrets.Texts)}
	for _, text := range add.Texts() {
		if !slices.Contains(next.Texts, text) {
			next.Texts = append(next.Texts, text)
		}
	}
	if len(next.Texts) == len(s.secrets.Texts) {
		return nil
	}
	if next.Key == "" {
		next.Key = strings.ToLower(rand.Text())
	}
	if err := s.writeSecrets(next); err != nil {
		return fmt.Errorf("saving the enclave's secrets: %w", err)
	}
	s.secrets, s.shows = newSecrets(next), true
	return nil
}

func (s *Store) writeSecrets(c secretsContent) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if err := WriteFile(s.path(secretsFile), append(data, '\n')); err != nil {
		return err
	}
	return syncDir(s.dir)
}

// Refer puts references in the place of the enclave's secrets in a text. Only Resolve of the same enclave knows what
// they stand for.
func (s *Store) Refer(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets.refer == nil {
		return text
	}
	return s.secrets.refer.Replace(text)
}

// Resolve is the reverse of Refer.
func (s *Store) Resolve(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.secrets.resolve == nil {
		return text
	}
	return s.secrets.resolve.Replace(text)
}
