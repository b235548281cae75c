package readback

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	conversationv1 "github.com/readback/readback/clients/go/gen/readback/conversation/v1"
	errorsv1 "github.com/readback/readback/clients/go/gen/readback/errors/v1"
)

const (
	heartbeat = 5 * time.Second
	// silence is the time without a message after which the stream counts as dead: three missing heartbeats.
	silence          = 3 * heartbeat
	shortestPause    = 50 * time.Millisecond
	longestPause     = 3 * time.Second
	longestAsked     = 5 * time.Second
	maxConversations = 1024
	// maxRefusedTokens in a row end the watch. One token may expire while it is sent, but not three.
	maxRefusedTokens = 3
)

var retried = []codes.Code{
	codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded,
	codes.Canceled, codes.Internal, codes.Unknown,
}

// Connection is a change of the connection to the service.
type Connection string

const (
	// Lost is the connection when the stream broke, or was silent for too long. The watch retries.
	Lost Connection = "lost"
	// Resumed is the connection when the service answers again.
	Resumed Connection = "resumed"
	// Rewound is the connection when the cursor has expired, and the watch continues from the earliest entry.
	Rewound Connection = "rewound"
)

// WatchOptions change how a watch continues.
type WatchOptions struct {
	// FromEarliest continues from the earliest entry if the cursor has expired; otherwise that is an error.
	FromEarliest bool
	// OnConnection is called when the connection is lost, and when the watch continues.
	OnConnection func(Connection)
}

// Watch is the log of one conversation or of all, from where the request says. Loop over it, once.
//
// Each entry comes once and in order, across restarts of the service, lost connections and expired tokens.
// The loop ends when the followed conversation has ended or was deleted.
type Watch struct {
	// Cursor is after the last entry that had one. Save it to resume in another program.
	Cursor string

	client        *Client
	request       *conversationv1.WatchRequest
	options       WatchOptions
	lastNumbers   *simplelru.LRU[string, int64]
	live          *liveTexts
	pause         time.Duration
	caughtUp      bool
	ended         bool
	wasConnected  bool
	lost          bool
	refusedTokens int
}

// Watch follows a conversation, or all of them if the request has no id.
func (c *Client) Watch(request *conversationv1.WatchRequest, options WatchOptions) *Watch {
	request = proto.CloneOf(request)
	request.HeartbeatInterval = durationpb.New(heartbeat)
	if options.OnConnection == nil {
		options.OnConnection = func(Connection) {}
	}
	numbers, _ := simplelru.NewLRU[string, int64](maxConversations, nil)
	return &Watch{
		Cursor: request.GetCursor(), client: c, request: request, options: options,
		lastNumbers: numbers, pause: shortestPause,
	}
}

// Entries yields the entries. An error is the last pair.
func (w *Watch) Entries(ctx context.Context) iter.Seq2[*conversationv1.Entry, error] {
	return func(yield func(*conversationv1.Entry, error) bool) {
		for event, err := range w.Events(ctx) {
			if entry := event.GetEntry(); (err != nil || entry != nil) && !yield(entry, err) {
				return
			}
		}
	}
}

// Events yields the events of the contract except heartbeats. Entries come singly, live text comes whole.
// An error is the last pair: the one of the context, or one that a retry would not help.
func (w *Watch) Events(ctx context.Context) iter.Seq2[*conversationv1.WatchResponse, error] {
	return func(yield func(*conversationv1.WatchResponse, error) bool) {
		for !w.ended {
			w.live = newLiveTexts()
			stopped, err := w.read(ctx, yield)
			if stopped || w.ended {
				return
			}
			asked, err := w.prepareRetry(ctx, err)
			if err == nil {
				err = w.wait(ctx, asked)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if w.ended {
				yield(deletion(), nil)
			}
		}
	}
}

// read yields the new events of one stream. It returns true if the loop was left, else how the stream ended.
func (w *Watch) read(
	ctx context.Context, yield func(*conversationv1.WatchResponse, error) bool,
) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(silence, cancel)
	defer timer.Stop()
	stream, err := w.client.Conversation.Watch(ctx, w.request)
	for err == nil {
		timer.Reset(silence)
		var response *conversationv1.WatchResponse
		if response, err = stream.Recv(); err != nil {
			break
		}
		timer.Stop() // the time that the reader takes is not silence
		w.connected()
		if cursor := response.GetCursor(); cursor != "" {
			w.request.Start = &conversationv1.WatchRequest_Cursor{Cursor: cursor}
		}
		for _, event := range split(response) {
			if event.GetCursor() != "" {
				w.Cursor = event.GetCursor()
			}
			if w.isNew(event) && !yield(event, nil) {
				return true, nil
			}
		}
	}
	return false, err
}

func (w *Watch) isNew(response *conversationv1.WatchResponse) bool {
	switch event := response.GetEvent().(type) {
	case *conversationv1.WatchResponse_Entry:
		w.live.close(event.Entry.GetEntryId())
		last, _ := w.lastNumbers.Get(event.Entry.GetConversationId())
		w.lastNumbers.Add(event.Entry.GetConversationId(), max(last, event.Entry.GetNumber()))
		return event.Entry.GetNumber() > last
	case *conversationv1.WatchResponse_Live:
		return w.live.complete(event.Live)
	case *conversationv1.WatchResponse_CaughtUp:
		known := w.caughtUp
		w.caughtUp = true
		return !known
	case *conversationv1.WatchResponse_Deleted:
		w.lastNumbers.Remove(event.Deleted.GetConversationId())
		return true
	case *conversationv1.WatchResponse_End:
		reason := event.End.GetReason()
		w.ended = reason == conversationv1.WatchEndReason_WATCH_END_REASON_CONVERSATION_ENDED ||
			reason == conversationv1.WatchEndReason_WATCH_END_REASON_CONVERSATION_DELETED
		return w.ended
	case *conversationv1.WatchResponse_Conversation:
		return true
	}
	return false
}

func (w *Watch) connected() {
	w.pause, w.wasConnected, w.refusedTokens = shortestPause, true, 0
	if w.lost {
		w.options.OnConnection(Resumed)
	}
	w.lost = false
}

// prepareRetry returns the pause that the service asks for, or the error that ends the watch.
func (w *Watch) prepareRetry(ctx context.Context, err error) (time.Duration, error) {
	var failed *Error
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err == io.EOF:
		return 0, nil
	case !errors.As(err, &failed):
		return 0, err
	case w.wasConnected && w.request.GetConversationId() != "" && failed.Code() == codes.NotFound:
		w.ended = true // it was deleted while the connection was down
		return 0, nil
	case w.options.FromEarliest && failed.Reason == errorsv1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED:
		w.rewind(failed.Facts["earliest_cursor"])
		return failed.RetryAfter, nil
	case failed.Code() == codes.Unauthenticated:
		if w.refusedTokens++; w.refusedTokens >= maxRefusedTokens {
			return 0, err
		}
	case !slices.Contains(retried, failed.Code()):
		return 0, err
	}
	// The error for a slow reader has a cursor after the last message sent. Ours is after the last message
	// received, and messages between the two may be lost.
	if !w.lost {
		w.options.OnConnection(Lost)
	}
	w.lost = true
	return failed.RetryAfter, nil
}

func (w *Watch) rewind(cursor string) {
	w.lastNumbers.Purge()
	w.request.Start = nil
	if cursor != "" {
		w.request.Start = &conversationv1.WatchRequest_Cursor{Cursor: cursor}
	}
	w.options.OnConnection(Rewound)
}

func (w *Watch) wait(ctx context.Context, asked time.Duration) error {
	if w.ended {
		return nil
	}
	span := w.pause
	w.pause = min(longestPause, 2*span)
	// Even a pause asked by the service gets jitter, so that not all clients reconnect at the same moment.
	pause := span/2 + rand.N(span/2) + min(asked, longestAsked)
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func deletion() *conversationv1.WatchResponse {
	reason := conversationv1.WatchEndReason_WATCH_END_REASON_CONVERSATION_DELETED
	end := &conversationv1.WatchEnd{Reason: reason}
	return &conversationv1.WatchResponse{Event: &conversationv1.WatchResponse_End{End: end}}
}

// split returns one message for each entry of a response. Only the last one has the cursor.
func split(response *conversationv1.WatchResponse) []*conversationv1.WatchResponse {
	if response.GetEntries() == nil {
		return []*conversationv1.WatchResponse{response}
	}
	var events []*conversationv1.WatchResponse
	for _, entry := range response.GetEntries().GetEntries() {
		event := &conversationv1.WatchResponse_Entry{Entry: entry}
		events = append(events, &conversationv1.WatchResponse{Event: event})
	}
	if len(events) > 0 {
		events[len(events)-1].Cursor = response.GetCursor()
	}
	return events
}

const maxTexts = 64

// liveTexts are the texts of open utterances on one stream, put together from their changes.
type liveTexts struct {
	texts *simplelru.LRU[string, *conversationv1.LiveText]
}

func newLiveTexts() *liveTexts {
	texts, _ := simplelru.NewLRU[string, *conversationv1.LiveText](maxTexts, nil)
	return &liveTexts{texts}
}

// complete turns a change into the whole text. It returns false if it continues an unknown text.
func (l *liveTexts) complete(change *conversationv1.LiveText) bool {
	if change.GetOffset() > 0 {
		earlier, known := l.texts.Get(change.GetUtteranceId())
		if !known {
			return false
		}
		letters := []rune(earlier.GetTail()) // the offset counts code points, not bytes
		kept := string(letters[:min(len(letters), int(change.GetOffset()))])
		change.Tail, change.Offset = kept+change.GetTail(), 0
		change.Speaker, change.Modality = earlier.GetSpeaker(), earlier.GetModality()
		change.StartTime = earlier.GetStartTime()
	}
	l.texts.Add(change.GetUtteranceId(), change)
	return true
}

// close forgets an utterance whose entry has arrived.
func (l *liveTexts) close(utteranceID string) { l.texts.Remove(utteranceID) }
