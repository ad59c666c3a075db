package ui

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	table := Table{
		Head: []string{"UUID", "Name", "Ports", "Status"},
		Rows: [][]string{
			{"0123456789ab", "postgres", "postgres: 5432/tcp -> 127.0.0.1:32768\nhttp: 80/tcp -> http://127.0.0.1:57335", "RUNNING"},
			{"ba9876543210", "größe", "<none>", "STOPPED"},
		},
	}
	for _, c := range []struct {
		name  string
		style Style
		want  string
	}{
		{"file", Style{}, `
UUID           Name       Ports                                    Status
0123456789ab   postgres   postgres: 5432/tcp -> 127.0.0.1:32768    RUNNING
                          http: 80/tcp -> http://127.0.0.1:57335
ba9876543210   größe      <none>                                   STOPPED
`},
		{"narrow", FixedStyle(true, false, 60), `
UUID           Name       Ports                      Status
0123456789ab   postgres   postgres: 5432/tcp ->      RUNNING
                          127.0.0.1:32768
                          http: 80/tcp ->
                          http://127.0.0.1:57335
ba9876543210   größe      <none>                     STOPPED
`},
		{"colour", FixedStyle(true, true, 0), "\n\x1b[1mUUID\x1b[0m           \x1b[1mName\x1b[0m       \x1b[1mPorts\x1b[0m                                    \x1b[1mStatus\x1b[0m" + `
0123456789ab   postgres   postgres: 5432/tcp -> 127.0.0.1:32768    RUNNING
                          http: 80/tcp -> http://127.0.0.1:57335
ba9876543210   größe      <none>                                   STOPPED
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b strings.Builder
			if err := table.Write(&b, c.style); err != nil {
				t.Fatal(err)
			}
			if got := "\n" + b.String(); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
			for line := range strings.Lines(b.String()) {
				if limit := c.style.Width(); limit > 0 && len([]rune(line))-1 > limit {
					t.Errorf("wider than %d: %s", limit, line)
				}
			}
		})
	}
}

func TestStyleOf(t *testing.T) {
	for env, want := range map[string]bool{"": false, "CLICOLOR_FORCE": true, "CLICOLOR_FORCE NO_COLOR": false} {
		got := StyleOf(&strings.Builder{}, func(name string) string {
			if strings.Contains(env, name) {
				return "1"
			}
			return ""
		})
		if got.Color != want || got.Terminal || got.Width() != 0 {
			t.Errorf("%s: %+v", env, got)
		}
	}
}
