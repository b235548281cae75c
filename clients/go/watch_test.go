package readback

import (
	"testing"

	conversationv1 "github.com/readback/readback/clients/go/gen/readback/conversation/v1"
)

func TestLiveTextIsCompletedByCodePoints(t *testing.T) {
	texts := newLiveTexts()
	complete := func(offset int32, tail, wanted string) {
		t.Helper()
		change := &conversationv1.LiveText{UtteranceId: "a", Offset: offset, Tail: tail}
		if known := texts.complete(change); known != (wanted != "") || known && change.GetTail() != wanted {
			t.Errorf("complete(%d, %q) is %v with %q, not %q", offset, tail, known, change.GetTail(), wanted)
		}
	}
	complete(3, "lost", "")
	complete(0, "🧭 to Deli", "🧭 to Deli")
	complete(7, "hi", "🧭 to Dehi")
	texts.close("a")
	complete(7, "hi", "")
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	if text := (Credentials{AccessToken: "secret"}).GoString(); text != "Credentials(…)" {
		t.Error(text)
	}
}
