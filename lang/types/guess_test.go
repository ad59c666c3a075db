package types

import "testing"

func TestGuess(t *testing.T) {
	guess := Likely(ListOf(Int))
	if Likely(Unknown) != Unknown || Likely(Never) != Unknown || Likely(guess) != guess {
		t.Error("a guess of nothing, or of a guess, is wrapped")
	}
	if got := guess.String(); got != "list[int]" {
		t.Errorf("printed as %s", got)
	}
	if !Assignable(guess, String) || Possible(String, Int) {
		t.Error("a guess is not silent, or everything is")
	}
	if got := Unite(Int, Likely(String)); !Equal(got, Likely(Unite(Int, String))) {
		t.Errorf("united to %s", got)
	}
	if got := Join(ListOf(String), guess); !Equal(got, Likely(ListOf(Unite(String, Int)))) {
		t.Errorf("joined to %s", got)
	}
	if elem, ok := Elem(guess); !ok || !Equal(elem, Likely(Int)) {
		t.Errorf("element is %s, %t", elem, ok)
	}
	if elem, ok := Elem(Likely(Int)); !ok || elem != Unknown {
		t.Errorf("element of a guessed int is %s, %t", elem, ok)
	}
	if got := Without(Likely(Optional(Int)), None); !Equal(got, Likely(Int)) {
		t.Errorf("without None it is %s", got)
	}
	if got := Without(Likely(None), None); got != Unknown {
		t.Errorf("nothing left is %s", got)
	}
}
