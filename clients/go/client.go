// Package readback is a client of Readback: flights, calls and live transcripts.
package readback

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	conversationv1 "github.com/readback/readback/clients/go/gen/readback/conversation/v1"
	errorsv1 "github.com/readback/readback/clients/go/gen/readback/errors/v1"
	flightdatav1 "github.com/readback/readback/clients/go/gen/readback/flightdata/v1"
	identityv1 "github.com/readback/readback/clients/go/gen/readback/identity/v1"
)

// serviceConfig is what the services publish: time limits and retries of each method.
//
//go:embed gen/service_config.json
var serviceConfig string

// Addresses are `host:port`, or `https://host:port` for TLS.
type Addresses struct{ Identity, Conversation, FlightData string }

// AddressesFromEnvironment returns READBACK_…_ADDRESS, or 127.0.0.1 and READBACK_…_PORT, as the services do.
func AddressesFromEnvironment() Addresses {
	return Addresses{
		Identity:     address("IDENTITY", "50051"),
		Conversation: address("CONVERSATION", "50052"),
		FlightData:   address("FLIGHTDATA", "50053"),
	}
}

func address(service, port string) string {
	if found := os.Getenv("READBACK_" + service + "_ADDRESS"); found != "" {
		return found
	}
	if found := os.Getenv("READBACK_" + service + "_PORT"); found != "" {
		port = found
	}
	return "127.0.0.1:" + port
}

// Client is for one signed-in person. Its methods may be called from several goroutines.
//
// Every RPC of the contracts is a method of Identity, Conversation or FlightData. Their errors are *Error, or
// ErrNotSignedIn.
type Client struct {
	// Identity has the account and sessions. Use the client's own methods to sign in and out.
	Identity identityv1.IdentityServiceClient
	// Conversation has conversations, calls and transcripts.
	Conversation conversationv1.ConversationServiceClient
	// FlightData has places, flights and their status.
	FlightData flightdatav1.FlightDataServiceClient

	store       CredentialsStore
	refreshing  sync.Mutex
	connections []*grpc.ClientConn
}

// Connect returns a client. It connects when it is used; the session is read from and kept in the store.
func Connect(addresses Addresses, store CredentialsStore) (*Client, error) {
	client := &Client{store: store}
	for _, address := range []string{addresses.Identity, addresses.Conversation, addresses.FlightData} {
		connection, err := grpc.NewClient(strings.TrimPrefix(address, "https://"), client.options(address)...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("address %q: %w", address, err), client.Close())
		}
		client.connections = append(client.connections, connection)
	}
	client.Identity = identityv1.NewIdentityServiceClient(client.connections[0])
	client.Conversation = conversationv1.NewConversationServiceClient(client.connections[1])
	client.FlightData = flightdatav1.NewFlightDataServiceClient(client.connections[2])
	return client, nil
}

// ConnectLocally connects to the addresses of the environment, with the session of `readback login`.
func ConnectLocally() (*Client, error) {
	addresses := AddressesFromEnvironment()
	store, err := CredentialsFileFor(addresses.Identity)
	if err != nil {
		return nil, err
	}
	return Connect(addresses, store)
}

func (c *Client) options(address string) []grpc.DialOption {
	transport := insecure.NewCredentials()
	if strings.HasPrefix(address, "https://") {
		transport = credentials.NewTLS(nil)
	}
	pings := keepalive.ClientParameters{Time: 15 * time.Second, Timeout: 10 * time.Second}
	pauses := backoff.DefaultConfig
	pauses.BaseDelay, pauses.MaxDelay = 100*time.Millisecond, time.Second
	return []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithNoProxy(),
		grpc.WithDefaultServiceConfig(serviceConfig),
		// Finds a restarted service within a second; gRPC's defaults take minutes.
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(pings),
		grpc.WithUnaryInterceptor(c.call),
		grpc.WithStreamInterceptor(c.openStream),
	}
}

// Close closes the connections.
func (c *Client) Close() error {
	var err error
	for _, connection := range c.connections {
		err = errors.Join(err, connection.Close())
	}
	return err
}

// Register creates an account and signs in.
func (c *Client) Register(
	ctx context.Context, request *identityv1.RegisterRequest,
) (*identityv1.Customer, error) {
	response, err := c.Identity.Register(ctx, request)
	if err != nil {
		return nil, err
	}
	return response.GetCustomer(), c.save(response.GetCustomer().GetEmail(), response.GetTokens())
}

// SignIn keeps the session in the store.
func (c *Client) SignIn(ctx context.Context, email, password string) (*identityv1.Customer, error) {
	response, err := c.Identity.Login(ctx, &identityv1.LoginRequest{Email: email, Password: password})
	if err != nil {
		return nil, err
	}
	return response.GetCustomer(), c.save(response.GetCustomer().GetEmail(), response.GetTokens())
}

// SignOut ends the session, here and at the service.
func (c *Client) SignOut(ctx context.Context) error {
	_, err := c.Identity.Logout(ctx, &identityv1.LogoutRequest{})
	if err != nil && !errors.Is(err, ErrNotSignedIn) {
		return err
	}
	return c.store.Delete()
}

// Export returns a whole transcript as a file.
func (c *Client) Export(
	ctx context.Context, request *conversationv1.ExportTranscriptRequest,
) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks, err := c.Conversation.ExportTranscript(ctx, request)
	if err != nil {
		return nil, err
	}
	var whole bytes.Buffer
	for {
		chunk, err := chunks.Recv()
		if err == io.EOF {
			return whole.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		whole.Write(chunk.GetData())
	}
}

func (c *Client) save(email string, tokens *identityv1.TokenPair) error {
	expires := float64(tokens.GetAccessExpireTime().AsTime().UnixMilli()) / 1000
	return c.store.Save(Credentials{email, tokens.GetAccessToken(), expires, tokens.GetRefreshToken()})
}

func (c *Client) call(
	ctx context.Context, method string, request, reply any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	ctx, err := c.authorized(ctx, method)
	if err != nil {
		return err
	}
	return typed(invoke(ctx, method, withRequestID(request), reply, connection, options...))
}

func (c *Client) openStream(
	ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn,
	method string, open grpc.Streamer, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, err := c.authorized(ctx, method)
	if err != nil {
		return nil, err
	}
	stream, err := open(ctx, description, connection, method, options...)
	if err != nil {
		return nil, typed(err)
	}
	return typedStream{stream}, nil
}

// withRequestID gives a request its own id, if it can have one: when it is repeated, it is done once.
func withRequestID(request any) any {
	message := request.(proto.Message).ProtoReflect()
	field := message.Descriptor().Fields().ByName("request_id")
	if field == nil || message.Has(field) {
		return request
	}
	copied := proto.Clone(request.(proto.Message))
	copied.ProtoReflect().Set(field, protoreflect.ValueOfString(uuid.NewString()))
	return copied
}

// authorized adds the session's token to calls that need one.
func (c *Client) authorized(ctx context.Context, method string) (context.Context, error) {
	switch method {
	case identityv1.IdentityService_Register_FullMethodName,
		identityv1.IdentityService_Login_FullMethodName,
		identityv1.IdentityService_RefreshSession_FullMethodName:
		return ctx, nil
	}
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

// token returns an access token that is valid for a minute at least.
func (c *Client) token(ctx context.Context) (string, error) {
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	known, err := c.store.Read()
	switch {
	case err != nil:
		return "", err
	case known == nil:
		return "", ErrNotSignedIn
	case known.fresh():
		return known.AccessToken, nil
	}
	// Another program may refresh at the same moment. The service gives both the same tokens.
	request := &identityv1.RefreshSessionRequest{RefreshToken: known.RefreshToken}
	response, err := c.Identity.RefreshSession(ctx, request)
	if err != nil {
		return c.tokenOfAnotherProgram(known, err)
	}
	return response.GetTokens().GetAccessToken(), c.save(known.Email, response.GetTokens())
}

func (c *Client) tokenOfAnotherProgram(old *Credentials, err error) (string, error) {
	var failed *Error
	if !errors.As(err, &failed) || failed.Reason != errorsv1.ErrorReason_ERROR_REASON_SESSION_ENDED &&
		failed.Reason != errorsv1.ErrorReason_ERROR_REASON_REFRESH_TOKEN_REUSED {
		return "", err
	}
	current, readErr := c.store.Read()
	if readErr == nil && current != nil && current.RefreshToken != old.RefreshToken && current.fresh() {
		return current.AccessToken, nil
	}
	return "", errors.Join(ErrNotSignedIn, c.store.Delete())
}
