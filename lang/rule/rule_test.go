package rule

import (
	"slices"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ rule, value, want string }{
		{"service-name", "db", ""},
		{"service-name", "a", ""},
		{"service-name", long, ""},
		{"service-name", "node-0", ""},
		{"service-name", "mongoDB", `service name "mongoDB" is not valid: want 1 to 63 lower-case letters, digits and "-", starting with a letter and not ending with "-" (RFC 1035)`},
		{"service-name", "", `the service name is empty: want 1 to 63 lower-case letters, digits and "-", starting with a letter and not ending with "-" (RFC 1035)`},
		{"service-name", "db-", "!"},
		{"service-name", "0db", "!"},
		{"service-name", "db\n", "!"},
		{"service-name", long + "a", "!"},
		{"port-id", "http", ""},
		{"port-id", "abcdefghijklmno", ""},
		{"port-id", "abcdefghijklmnop", "!"},
		{"port-id", "validator_port", `port id "validator_port" is not valid: want 1 to 15 lower-case letters, digits and "-", starting with a letter and not ending with "-" (RFC 6335)`},
		{"port-id", "-http", "!"},
		{"transport-protocol", "TCP", ""},
		{"transport-protocol", "", ""},
		{"transport-protocol", "tcp", `transport protocol "tcp" is not valid: want TCP, UDP or SCTP`},
		{"application-protocol", "", ""},
		{"application-protocol", "grpc+tls-1.2", ""},
		{"application-protocol", "ht tp", `application protocol "ht tp" is not valid: want letters, digits, "+", "." and "-"`},
		{"duration", "2m", ""},
		{"duration", "0.5s", ""},
		{"duration", "0s", ""},
		{"duration", "1h2m3s4ms", ""},
		{"duration", "", `the duration is empty: want a Go duration such as "500ms", "30s" or "2m"`},
		{"duration", "10", `duration "10" is not valid: want a Go duration such as "500ms", "30s" or "2m"`},
		{"duration", "-1s", "!"},
		{"duration", "5 minutes", "!"},
		{"interval", "1s", ""},
		{"interval", "0s", `interval "0s" is not valid: want a Go duration above zero, such as "500ms" or "1s"`},
		{"artifact-name", "el_cl genesis", ""},
		{"artifact-name", "", "the files artifact name is empty: want a printable name that is not empty"},
		{"artifact-name", "a\tb", `files artifact name "a\tb" is not valid: want a printable name that is not empty`},
		{"label-key", "ethereum-package.client", ""},
		{"label-key", "a_b.C-1", ""},
		{"label-key", "", "!"},
		{"label-key", ".a", "!"},
		{"label-key", "a/b", "!"},
		{"label-key", long + "a", "!"},
		{"label-value", "", ""},
		{"label-value", "sigp-lighthouse_v8-2-1", ""},
		{"label-value", "True", ""},
		{"label-value", "a b", `label value "a b" is not valid: want at most 63 letters, digits, "-", "_" and ".", starting and ending with a letter or a digit (for Docker and Kubernetes)`},
		{"label-value", "sigp/lighthouse:v8", "!"},
		{"persistent-key", "db-data", ""},
		{"persistent-key", "etcd_data_directory", `persistent key "etcd_data_directory" is not valid: want 1 to 63 lower-case letters, digits and "-", starting with a letter and not ending with "-"`},
		{"enclave-name", "my-enclave.1", ""},
		{"enclave-name", "", "!"},
		{"enclave-name", "a b", "!"},
		{"env-name", "POSTGRES_USER", ""},
		{"env-name", "spring.profile", ""},
		{"env-name", "A=B", `environment variable name "A=B" is not valid: want a name that is not empty and has no "="`},
		{"abs-path", "/etc/app", ""},
		{"abs-path", "etc/app", `path "etc/app" is not valid: want an absolute path`},
		{"abs-path", "", "the path is empty: want an absolute path"},
		{"url", "http://a:80/x?y=1", ""},
		{"url", "http://a/%zz", `url "http://a/%zz" is not valid: want a text with valid % escapes`},
		{"non-empty", "x", ""},
		{"non-empty", "", "the string is empty"},
		{"no-such", "x", `no rule "no-such" for strings`},
		{"port-number", "x", `no rule "port-number" for strings`},
	} {
		message, ok := Check(c.rule, c.value)
		if ok != (c.want == "") || c.want != "!" && message != c.want || c.want == "!" && message == "" {
			t.Errorf("Check(%q, %q) = %q, %v; want %q", c.rule, c.value, message, ok, c.want)
		}
	}
}

func TestImageReference(t *testing.T) {
	sha := "@sha256:" + strings.Repeat("0a", 32)
	for _, good := range []string{
		"postgres", "postgres:16-alpine", "ethpandaops/geth:master", "ghcr.io/paradigmxyz/reth", "localhost/app", "localhost:5000/app:1",
		"europe-west2-docker.pkg.dev/prj-polygonlabs-devtools-dev/public/ethstats-server:9da2124", "us-docker.pkg.dev/a/b:c_D.e-f",
		"a__b/c--d", "alpine" + sha, "alpine:3.20" + sha, "docker.ethquokkaops.io/dh/ethereum/client-go:latest", "[::1]:5000/app",
	} {
		if message, ok := Check("image-reference", good); !ok {
			t.Errorf("%s: %s", good, message)
		}
	}
	for _, bad := range []string{"", "Postgres", "postgres:", "a b", "a:b:c", "-a", "a//b", "http://a/b", "a@sha256:12", "a:" + strings.Repeat("t", 129), strings.Repeat("a", 300), "{{kurtosis:0:x.runtime_value}}", "a\n"} {
		if _, ok := Check("image-reference", bad); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
	message, _ := Check("image-reference", "Postgres:16")
	if want := `image "Postgres:16" is not valid: want [REGISTRY/]NAME[:TAG][@DIGEST], the name in lower case`; message != want {
		t.Errorf("got  %s\nwant %s", message, want)
	}
}

func TestLongValueIsCut(t *testing.T) {
	message, _ := Check("service-name", strings.Repeat("x", 5000))
	if want := `service name "` + strings.Repeat("x", 80) + `"… is not valid: want 1 to 63 lower-case`; !strings.HasPrefix(message, want) {
		t.Errorf("got %s", message)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		rule  string
		value int64
		want  string
	}{
		{"port-number", 1, ""},
		{"port-number", 65535, ""},
		{"port-number", 0, "port number 0 is out of range: want 1 to 65535"},
		{"port-number", 65536, "port number 65536 is out of range: want 1 to 65535"},
		{"memory", 6, ""},
		{"memory", 5, "memory 5 is out of range: want 6 MB or more"},
		{"cpu", 0, ""},
		{"cpu", -1, "value -1 is out of range: want 0 or more"},
		{"not-negative", -5, "value -5 is out of range: want 0 or more"},
		{"directory-size", 0, "size 0 is out of range: want 1 MB or more"},
		{"service-name", 1, `no rule "service-name" for ints`},
	} {
		if message, ok := CheckInt(c.rule, c.value); message != c.want || ok != (c.want == "") {
			t.Errorf("CheckInt(%q, %d) = %q, %v; want %q", c.rule, c.value, message, ok, c.want)
		}
	}
}

func TestRulesAreSound(t *testing.T) {
	var names []string
	for _, r := range All() {
		names = append(names, r.Name)
		if (r.Text == nil) == (r.Number == nil) || r.Want == "" {
			t.Errorf("rule %s judges strings or ints, and says what it wants", r.Name)
		}
		if Lookup(r.Name).Name != r.Name {
			t.Errorf("rule %s is not found", r.Name)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names are not sorted and unique: %v", names)
	}
}
