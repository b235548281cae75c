package io.readback.client;

import com.google.gson.Gson;
import com.google.protobuf.Message;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import io.readback.client.CredentialsFile.Credentials;
import io.readback.conversation.v1.ConversationServiceGrpc;
import io.readback.conversation.v1.ConversationServiceGrpc.ConversationServiceBlockingStub;
import io.readback.conversation.v1.WatchRequest;
import io.readback.errors.v1.ErrorReason;
import io.readback.flightdata.v1.FlightDataServiceGrpc;
import io.readback.flightdata.v1.FlightDataServiceGrpc.FlightDataServiceBlockingStub;
import io.readback.identity.v1.Customer;
import io.readback.identity.v1.IdentityServiceGrpc;
import io.readback.identity.v1.IdentityServiceGrpc.IdentityServiceBlockingStub;
import io.readback.identity.v1.LoginRequest;
import io.readback.identity.v1.LogoutRequest;
import io.readback.identity.v1.RefreshSessionRequest;
import io.readback.identity.v1.RegisterRequest;
import io.readback.identity.v1.TokenPair;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * A client of one Readback, for one signed-in person. It may be used by several threads.
 *
 * The stubs have every RPC of the public contracts and bring a current token. Their errors are those of gRPC;
 * `ReadbackException.of` gives the reason.
 */
public final class Client implements AutoCloseable {
    private static final Metadata.Key<String> AUTHORIZATION =
        Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    private static final Set<ErrorReason> ENDED =
        Set.of(ErrorReason.ERROR_REASON_REFRESH_TOKEN_REUSED, ErrorReason.ERROR_REASON_SESSION_ENDED);
    private static final double REFRESH_BEFORE_EXPIRY_SECONDS = 60;
    private final List<ManagedChannel> channels;
    private final CredentialsFile store;
    private final IdentityServiceBlockingStub signingIn;
    private final IdentityServiceBlockingStub identity;
    private final ConversationServiceBlockingStub conversation;
    private final FlightDataServiceBlockingStub flightdata;

    /** Connect to the addresses of the environment, as the services read them, without TLS. */
    public Client() {
        this(address("IDENTITY", 50051), address("CONVERSATION", 50052), address("FLIGHTDATA", 50053),
            InsecureChannelCredentials.create());
    }

    /** Connect to these addresses: `host:port`, or any target that gRPC understands. */
    public Client(String identity, String conversation, String flightdata, ChannelCredentials tls) {
        store = new CredentialsFile(identity);
        channels = List.of(open(identity, tls), open(conversation, tls), open(flightdata, tls));
        signingIn = IdentityServiceGrpc.newBlockingStub(prepared(0, null));
        this.identity = IdentityServiceGrpc.newBlockingStub(prepared(0, this::token));
        this.conversation = ConversationServiceGrpc.newBlockingStub(prepared(1, this::token));
        this.flightdata = FlightDataServiceGrpc.newBlockingStub(prepared(2, this::token));
    }

    /** Return the stub for the account and its sessions. Use `signIn` and `register` to start a session. */
    public IdentityServiceBlockingStub identity() {
        return identity;
    }

    /** Return the stub for conversations, calls and transcripts. Use `watch` to follow. */
    public ConversationServiceBlockingStub conversation() {
        return conversation;
    }

    /** Return the stub for places, flights and their status. */
    public FlightDataServiceBlockingStub flightdata() {
        return flightdata;
    }

    /** Create an account and sign in. */
    public Customer register(String email, String password, String displayName) {
        var request = RegisterRequest.newBuilder()
            .setEmail(email).setPassword(password).setDisplayName(displayName);
        var response = typed(() -> signingIn.register(request.build()));
        return signedIn(response.getCustomer(), response.getTokens());
    }

    /** Sign in and keep the session in the user's file. */
    public Customer signIn(String email, String password) {
        var request = LoginRequest.newBuilder().setEmail(email).setPassword(password).build();
        var response = typed(() -> signingIn.login(request));
        return signedIn(response.getCustomer(), response.getTokens());
    }

    /** End the session, here and at the service. */
    public void signOut() {
        try {
            typed(() -> identity.logout(LogoutRequest.getDefaultInstance()));
        } catch (ReadbackException.NotSignedIn ignored) {
            // The session has ended already.
        }
        store.delete();
    }

    /** Follow one conversation, or all, from where the request says. */
    public Watch watch(WatchRequest request) {
        return new Watch(conversation, request);
    }

    /** Close the connections; the session stays in its file. */
    @Override
    public void close() {
        channels.forEach(ManagedChannel::shutdownNow);
    }

    private Customer signedIn(Customer customer, TokenPair tokens) {
        store.save(credentials(customer.getEmail(), tokens));
        return customer;
    }

    /** Return an access token that is valid for a minute at least. */
    private String token() {
        var current = current();
        return fresh(current) ? current.accessToken() : refreshed().accessToken();
    }

    private synchronized Credentials refreshed() {
        var old = current();  // another thread may have refreshed the token meanwhile
        if (fresh(old)) {
            return old;
        }
        var request = RefreshSessionRequest.newBuilder().setRefreshToken(old.refreshToken()).build();
        try {
            // Another program may refresh at the same moment. The service gives both the same tokens.
            var next = credentials(old.email(), typed(() -> signingIn.refreshSession(request)).getTokens());
            store.save(next);
            return next;
        } catch (ReadbackException error) {
            if (!ENDED.contains(error.reason())) {
                throw error;
            }
            var current = store.read();
            if (current != null && !current.refreshToken().equals(old.refreshToken()) && fresh(current)) {
                return current;
            }
            store.delete();
            throw new ReadbackException.NotSignedIn("Your session has ended.");
        }
    }

    private Credentials current() {
        var found = store.read();
        if (found == null) {
            throw new ReadbackException.NotSignedIn("You are not signed in.");
        }
        return found;
    }

    private static boolean fresh(Credentials credentials) {
        double left = credentials.accessExpires() - System.currentTimeMillis() / 1000.0;
        return left > REFRESH_BEFORE_EXPIRY_SECONDS;
    }

    private static Credentials credentials(String email, TokenPair tokens) {
        double expires = tokens.getAccessExpireTime().getSeconds();
        return new Credentials(email, tokens.getAccessToken(), expires, tokens.getRefreshToken());
    }

    private static <T> T typed(Supplier<T> call) {
        try {
            return call.get();
        } catch (StatusRuntimeException error) {
            throw ReadbackException.of(error);
        }
    }

    private static String address(String service, int port) {
        String address = System.getenv("READBACK_" + service + "_ADDRESS");
        String otherPort = System.getenv("READBACK_" + service + "_PORT");
        return address != null && !address.isEmpty() ? address
            : "127.0.0.1:" + (otherPort == null || otherPort.isEmpty() ? port : otherPort);
    }

    private static ManagedChannel open(String address, ChannelCredentials tls) {
        return Grpc.newChannelBuilder(address.contains("://") ? address : "dns:///" + address, tls)
            .defaultServiceConfig(serviceConfig()).enableRetry()
            .proxyDetector(target -> null)
            .keepAliveTime(15, TimeUnit.SECONDS).keepAliveTimeout(10, TimeUnit.SECONDS)
            .build();
    }

    private Channel prepared(int service, Supplier<String> token) {
        var channel = channels.get(service);
        return ClientInterceptors.intercept(channel, new Prepared(channel, token));
    }

    @SuppressWarnings("unchecked")
    private static Map<String, ?> serviceConfig() {
        var file = Objects.requireNonNull(Client.class.getResourceAsStream("service_config.json"));
        try (var text = new InputStreamReader(file, StandardCharsets.UTF_8)) {
            return new Gson().fromJson(text, Map.class);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    /** Prepares each call. Without `token` it sends none. */
    private record Prepared(ManagedChannel channel, Supplier<String> token) implements ClientInterceptor {
        @Override
        public <Q, A> ClientCall<Q, A> interceptCall(
                MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
                @Override
                public void start(Listener<A> listener, Metadata headers) {
                    if (token != null) {
                        headers.put(AUTHORIZATION, "Bearer " + token.get());
                    }
                    // After a lost connection, gRPC would wait for up to two minutes.
                    channel.resetConnectBackoff();
                    super.start(listener, headers);
                }

                @Override
                @SuppressWarnings("unchecked")
                public void sendMessage(Q message) {
                    super.sendMessage((Q) withRequestId((Message) message));
                }
            };
        }

        /** Return the request with its own id, if it can have one: a repeated request is then done once. */
        private static Message withRequestId(Message request) {
            var field = request.getDescriptorForType().findFieldByName("request_id");
            return field == null || !"".equals(request.getField(field)) ? request
                : request.toBuilder().setField(field, UUID.randomUUID().toString()).build();
        }
    }
}
