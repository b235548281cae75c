package io.readback.client;

import com.google.common.collect.AbstractIterator;
import com.google.common.collect.Iterators;
import com.google.common.util.concurrent.ThreadFactoryBuilder;
import com.google.protobuf.Duration;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.readback.conversation.v1.ConversationServiceGrpc.ConversationServiceBlockingStub;
import io.readback.conversation.v1.Entry;
import io.readback.conversation.v1.LiveText;
import io.readback.conversation.v1.WatchEndReason;
import io.readback.conversation.v1.WatchEnd;
import io.readback.conversation.v1.WatchRequest;
import io.readback.conversation.v1.WatchResponse;
import io.readback.errors.v1.ErrorReason;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The log of one conversation or of all, from where the request says. Loop over it, once, in one thread.
 *
 * Each entry comes once and in order, across restarts of the service, lost connections and expired tokens.
 * The loop ends when the followed conversation has ended or was deleted, or after `close`. It throws a
 * `ReadbackException` if the service answers with an error that a retry would not help.
 */
public final class Watch implements Iterable<Entry>, AutoCloseable {
    private static final int HEARTBEAT_SECONDS = 5;
    /** Silence after which the stream counts as dead: three missing heartbeats. */
    private static final int SILENCE_SECONDS = 3 * HEARTBEAT_SECONDS;
    private static final int MAX_CONVERSATIONS = 1024;
    private static final int MAX_TEXTS = 64;
    /** One token may expire while it is sent, but not three in a row. */
    private static final int MAX_REFUSED_TOKENS = 3;
    private static final int SHORTEST_PAUSE_MS = 50;
    private static final int LONGEST_PAUSE_MS = 3000;
    private static final int LONGEST_ASKED_MS = 5000;
    private static final Set<WatchEndReason> FINAL = Set.of(
        WatchEndReason.WATCH_END_REASON_CONVERSATION_ENDED,
        WatchEndReason.WATCH_END_REASON_CONVERSATION_DELETED);
    private static final Set<Status.Code> RETRIED = Set.of(
        Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED, Status.Code.DEADLINE_EXCEEDED,
        Status.Code.CANCELLED, Status.Code.INTERNAL, Status.Code.UNKNOWN);
    private static final ScheduledExecutorService ALARMS = Executors.newSingleThreadScheduledExecutor(
        new ThreadFactoryBuilder().setNameFormat("readback-watch").setDaemon(true).build());

    /** Change of the connection to the service. */
    public enum Connection { LOST, RESUMED, REWOUND }

    private final ConversationServiceBlockingStub service;
    private final WatchRequest.Builder request;
    private final Queue<WatchResponse> received = new ArrayDeque<>();
    private final Map<String, Long> lastNumbers = bounded(MAX_CONVERSATIONS);
    private final Map<String, LiveText> live = bounded(MAX_TEXTS);
    private Consumer<Connection> onConnection = change -> { };
    private boolean fromEarliest;
    private Iterator<WatchResponse> responses;
    private volatile Context.CancellableContext stream = Context.ROOT.withCancellation();
    private volatile boolean closed;
    private String cursor;
    private boolean caughtUp;
    private boolean ended;
    private boolean wasConnected;
    private boolean lost;
    private int refusedTokens;
    private int pauseMs = SHORTEST_PAUSE_MS;

    Watch(ConversationServiceBlockingStub service, WatchRequest request) {
        this.service = service;
        this.request = request.toBuilder()
            .setHeartbeatInterval(Duration.newBuilder().setSeconds(HEARTBEAT_SECONDS));
        cursor = request.getCursor();
    }

    /** Call `handler` when the connection is lost, and when the watch continues. */
    public Watch onConnection(Consumer<Connection> handler) {
        onConnection = handler;
        return this;
    }

    /** If the cursor has expired, continue from the earliest entry instead of throwing `CURSOR_EXPIRED`. */
    public Watch fromEarliest() {
        fromEarliest = true;
        return this;
    }

    /** Return the cursor after the last entry that had one. Save it to resume in another program. */
    public String cursor() {
        return cursor;
    }

    @Override
    public Iterator<Entry> iterator() {
        return Iterators.transform(
            Iterators.filter(new Events(), WatchResponse::hasEntry), WatchResponse::getEntry);
    }

    /** Return the events of the contract except heartbeats. Entries come singly, live text comes whole. */
    public Iterable<WatchResponse> events() {
        return Events::new;
    }

    /** End the loop, from any thread. */
    @Override
    public void close() {
        closed = true;
        stream.cancel(null);
    }

    private WatchResponse nextEvent() {
        while (!closed && !ended) {
            var event = received.poll();
            if (event == null) {
                read();
                continue;
            }
            cursor = event.getCursor().isEmpty() ? cursor : event.getCursor();
            if (isNew(event)) {
                var whole = live.get(event.getLive().getUtteranceId());
                return event.hasLive() ? event.toBuilder().setLive(whole).build() : event;
            }
        }
        return null;
    }

    /** Receive one response, over a new stream if the last one has ended, or prepare another attempt. */
    private void read() {
        WatchResponse response = null;
        try {
            if (responses == null) {
                open();
            }
            response = next();
        } catch (StatusRuntimeException | ReadbackException error) {
            stop();
            recover(ReadbackException.of(error));
            return;
        }
        if (response != null) {
            receive(response);
        } else {
            stop();
            pause(0);
        }
    }

    private WatchResponse next() {
        var current = stream;
        var alarm = ALARMS.schedule(() -> current.cancel(null), SILENCE_SECONDS, TimeUnit.SECONDS);
        try {
            return responses.hasNext() ? responses.next() : null;
        } finally {
            alarm.cancel(false);
        }
    }

    private void open() {
        live.clear();
        stream = Context.ROOT.withCancellation();
        if (closed) {  // meanwhile, and `close` has cancelled the stream before
            stream.cancel(null);
        }
        var before = stream.attach();
        try {
            responses = service.watch(request.build());
        } finally {
            stream.detach(before);
        }
    }

    private void stop() {
        responses = null;
        stream.cancel(null);  // a stream that stays open would keep the server's handler running
    }

    private void receive(WatchResponse response) {
        pauseMs = SHORTEST_PAUSE_MS;
        wasConnected = true;
        refusedTokens = 0;
        if (!response.getCursor().isEmpty()) {
            request.setCursor(response.getCursor());
        }
        if (response.hasEntries()) {
            var entries = response.getEntries().getEntriesList();
            for (Entry entry : entries) {
                boolean last = entry == entries.get(entries.size() - 1);  // only the last one has the cursor
                String after = last ? response.getCursor() : "";
                received.add(WatchResponse.newBuilder().setCursor(after).setEntry(entry).build());
            }
        } else {
            received.add(response);
        }
        if (lost) {
            lost = false;
            onConnection.accept(Connection.RESUMED);
        }
    }

    private boolean isNew(WatchResponse event) {
        if (event.hasDeleted()) {
            lastNumbers.remove(event.getDeleted().getConversationId());
        }
        boolean knownToBeCaughtUp = caughtUp;
        caughtUp |= event.hasCaughtUp();
        ended |= event.hasEnd() && FINAL.contains(event.getEnd().getReason());
        return switch (event.getEventCase()) {
            case ENTRY -> isNewEntry(event.getEntry());
            case LIVE -> complete(event.getLive());
            case CAUGHT_UP -> !knownToBeCaughtUp;
            case END -> ended;
            default -> event.hasConversation() || event.hasDeleted();
        };
    }

    private boolean isNewEntry(Entry entry) {
        live.remove(entry.getEntryId());
        Long last = lastNumbers.remove(entry.getConversationId());  // the map keeps the order of the last use
        lastNumbers.put(entry.getConversationId(), Math.max(last == null ? 0 : last, entry.getNumber()));
        return last == null || entry.getNumber() > last;
    }

    /** Remember the whole text after a change. Return false if the change continues an unknown text. */
    private boolean complete(LiveText change) {
        LiveText earlier = live.remove(change.getUtteranceId());
        if (change.getOffset() > 0) {
            if (earlier == null) {
                return false;
            }
            String text = earlier.getTail();
            // The offset counts code points, not the UTF-16 units of Java's strings.
            int kept = Math.min(change.getOffset(), text.codePointCount(0, text.length()));
            String head = text.substring(0, text.offsetByCodePoints(0, kept));
            String whole = head + change.getTail();
            change = earlier.toBuilder().setRevision(change.getRevision()).setTail(whole).build();
        }
        live.put(change.getUtteranceId(), change);
        return true;
    }

    private void recover(ReadbackException error) {
        boolean found = wasConnected && !request.getConversationId().isEmpty();
        if (closed) {
            return;
        }
        if (found && error.code() == Status.Code.NOT_FOUND) {
            var reason = WatchEndReason.WATCH_END_REASON_CONVERSATION_DELETED;
            received.add(WatchResponse.newBuilder().setEnd(WatchEnd.newBuilder().setReason(reason)).build());
        } else if (fromEarliest && error.reason() == ErrorReason.ERROR_REASON_CURSOR_EXPIRED) {
            rewind(error.facts().getOrDefault("earliest_cursor", ""));
        } else {
            retry(error);
        }
    }

    private void retry(ReadbackException error) {
        boolean refused = error.code() == Status.Code.UNAUTHENTICATED;
        boolean retried = refused ? ++refusedTokens < MAX_REFUSED_TOKENS : RETRIED.contains(error.code());
        if (!retried || error instanceof ReadbackException.NotSignedIn) {
            throw error;
        }
        // The error for a slow reader has a cursor after the last message sent. Ours is after the last one
        // received, and messages between the two may be lost.
        if (!lost) {
            lost = true;
            onConnection.accept(Connection.LOST);
        }
        pause(error.retryAfter().toMillis());
    }

    private void rewind(String earliest) {
        lastNumbers.clear();
        request.clearStart();
        if (!earliest.isEmpty()) {
            request.setCursor(earliest);
        }
        onConnection.accept(Connection.REWOUND);
        pause(0);
    }

    private void pause(long askedMs) {
        double wait = pauseMs * ThreadLocalRandom.current().nextDouble(0.5, 1);
        pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
        try {
            TimeUnit.MILLISECONDS.sleep((long) wait + Math.min(LONGEST_ASKED_MS, askedMs));
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw ReadbackException.of(Status.CANCELLED.withDescription("interrupted").asRuntimeException());
        }
    }

    private static <T> Map<String, T> bounded(int most) {
        return new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, T> eldest) {
                return size() > most;
            }
        };
    }

    private final class Events extends AbstractIterator<WatchResponse> {
        @Override
        protected WatchResponse computeNext() {
            var event = nextEvent();
            return event == null ? endOfData() : event;
        }
    }
}
