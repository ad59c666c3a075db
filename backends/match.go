package backends

import "strings"

// MatchEnclave finds the enclave that an identifier means: a UUID, a name, or an unambiguous beginning of a UUID, in this order.
func MatchEnclave(enclaves []Enclave, identifier string) (Enclave, error) {
	if identifier == "" {
		return Enclave{}, Errorf(Invalid, "an empty enclave identifier")
	}
	for _, e := range enclaves {
		if e.UUID == identifier {
			return e, nil
		}
	}
	for _, e := range enclaves {
		if e.Name == identifier {
			return e, nil
		}
	}
	var found []Enclave
	for _, e := range enclaves {
		if strings.HasPrefix(e.UUID, identifier) {
			found = append(found, e)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Enclave{}, Errorf(NotFound, "there is no enclave %q", identifier).WithHint("`kurtosis enclave ls` lists them")
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name+" ("+ShortUUID(e.UUID)+")")
	}
	return Enclave{}, Errorf(Ambiguous, "%q means several enclaves: %s", identifier, strings.Join(names, ", "))
}
