package diag

import "testing"

func TestClosest(t *testing.T) {
	names := []string{"name", "description", "replace", "env_vars", "ports"}
	for _, c := range []struct{ name, want string }{
		{"nmae", "name"}, {"Name", "name"}, {"env-vars", "env_vars"}, {"port", "ports"}, {"replaces", "replace"},
		{"descripton", "description"}, {"enviroment", ""}, {"x", ""}, {"", ""},
	} {
		if got, ok := Closest(c.name, names); got != c.want || ok != (c.want != "") {
			t.Errorf("Closest(%q) = %q, %v; want %q", c.name, got, ok, c.want)
		}
	}
}
