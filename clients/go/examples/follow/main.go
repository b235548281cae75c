// Command follow searches flights, then follows a conversation across restarts, each entry once.
//
//	EMAIL=… PASSWORD=… follow [-entries] [CONVERSATION_ID]
//
// It signs in, or registers a new account; without EMAIL it uses the session of `readback login`. Without an
// id it follows the newest conversation, or starts one. With -entries it prints a table of entries, else their
// words. It ends when the conversation ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/type/date"

	readback "github.com/readback/readback/clients/go"
	conversationv1 "github.com/readback/readback/clients/go/gen/readback/conversation/v1"
	errorsv1 "github.com/readback/readback/clients/go/gen/readback/errors/v1"
	flightdatav1 "github.com/readback/readback/clients/go/gen/readback/flightdata/v1"
	identityv1 "github.com/readback/readback/clients/go/gen/readback/identity/v1"
)

func signIn(ctx context.Context, client *readback.Client) error {
	email, password := os.Getenv("EMAIL"), os.Getenv("PASSWORD")
	if email == "" {
		return nil // the session of `readback login`
	}
	_, err := client.SignIn(ctx, email, password)
	var failed *readback.Error
	if errors.As(err, &failed) && failed.Reason == errorsv1.ErrorReason_ERROR_REASON_WRONG_CREDENTIALS {
		name, _, _ := strings.Cut(email, "@")
		request := &identityv1.RegisterRequest{Email: email, Password: password, DisplayName: name}
		_, err = client.Register(ctx, request)
	}
	return err
}

func searchFlights(ctx context.Context, client *readback.Client) error {
	day := time.Now().UTC().AddDate(0, 0, 20)
	departureDate := &date.Date{Year: int32(day.Year()), Month: int32(day.Month()), Day: int32(day.Day())}
	leg := &flightdatav1.SearchLeg{Origin: "MAA", Destination: "DEL", DepartureDate: departureDate}
	request := &flightdatav1.SearchFlightsRequest{Legs: []*flightdatav1.SearchLeg{leg}}
	results, err := client.FlightData.SearchFlights(ctx, request)
	for err == nil {
		var response *flightdatav1.SearchFlightsResponse
		response, err = results.Recv()
		for _, itinerary := range response.GetResults().GetItineraries() {
			printItinerary(itinerary)
		}
	}
	if err == io.EOF {
		return nil
	}
	return err
}

func printItinerary(itinerary *flightdatav1.Itinerary) {
	var numbers []string
	for _, segment := range itinerary.GetSegments() {
		numbers = append(numbers, segment.GetFlightNumber())
	}
	price := ""
	if total := itinerary.GetFare().GetTotal(); total != nil {
		price = fmt.Sprintf("%d %s", total.GetUnits(), total.GetCurrencyCode())
	}
	fmt.Println("flight", strings.Join(numbers, " "), price)
}

func newestConversation(ctx context.Context, client *readback.Client) (string, error) {
	request := &conversationv1.ListConversationsRequest{PageSize: 1}
	listed, err := client.Conversation.ListConversations(ctx, request)
	if err != nil {
		return "", err
	}
	for _, newest := range listed.GetConversations() {
		return newest.GetConversationId(), nil
	}
	started, err := client.Conversation.StartConversation(ctx, &conversationv1.StartConversationRequest{})
	return started.GetConversation().GetConversationId(), err
}

func row(entry *conversationv1.Entry) string {
	kind := ""
	message := entry.ProtoReflect()
	if field := message.WhichOneof(message.Descriptor().Oneofs().ByName("content")); field != nil {
		kind = string(field.Name())
	}
	text := entry.GetUtterance().GetText()
	return fmt.Sprintf("%d\t%s\t%s\t%s", entry.GetNumber(), entry.GetConversationId(), kind, text)
}

func follow(ctx context.Context, client *readback.Client, conversationID string, entries bool) error {
	onConnection := func(change readback.Connection) { fmt.Fprintln(os.Stderr, "connection", change) }
	request := &conversationv1.WatchRequest{ConversationId: conversationID}
	watch := client.Watch(request, readback.WatchOptions{OnConnection: onConnection})
	for entry, err := range watch.Entries(ctx) {
		switch {
		case err != nil:
			return err
		case entries:
			fmt.Println(row(entry))
		case entry.GetUtterance() != nil:
			fmt.Println(entry.GetUtterance().GetText())
		}
	}
	return nil
}

func run(ctx context.Context, conversationID string, entries bool) error {
	client, err := readback.ConnectLocally()
	if err != nil {
		return err
	}
	defer client.Close()
	if err := signIn(ctx, client); err != nil {
		return err
	}
	if err := searchFlights(ctx, client); err != nil {
		return err
	}
	if conversationID == "" {
		if conversationID, err = newestConversation(ctx, client); err != nil {
			return err
		}
	}
	return follow(ctx, client, conversationID, entries)
}

func main() {
	entries := flag.Bool("entries", false, "print a table of entries")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Arg(0), *entries); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
