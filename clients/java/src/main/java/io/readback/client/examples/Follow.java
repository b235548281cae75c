package io.readback.client.examples;

import com.google.type.Date;
import io.grpc.StatusRuntimeException;
import io.readback.client.Client;
import io.readback.client.ReadbackException;
import io.readback.client.Watch;
import io.readback.conversation.v1.Entry;
import io.readback.conversation.v1.ListConversationsRequest;
import io.readback.conversation.v1.StartConversationRequest;
import io.readback.conversation.v1.WatchRequest;
import io.readback.errors.v1.ErrorReason;
import io.readback.flightdata.v1.SearchFlightsRequest;
import io.readback.flightdata.v1.SearchLeg;
import io.readback.flightdata.v1.Segment;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;

/**
 * Search flights, then follow a conversation across restarts of the service, each entry once.
 *
 *     EMAIL=… PASSWORD=… java -cp target/readback-client.jar …Follow [--entries] [ID]
 *
 * Signs in, or registers a new account; without EMAIL it uses the session of `readback login`. Without an id
 * it follows the newest conversation, or starts one. With `--entries` it prints a table of entries, else
 * their words. It ends when the conversation ends.
 */
public final class Follow {
    private static final Logger GRPC = Logger.getLogger("io.grpc");
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Follow() { }

    public static void main(String[] arguments) {
        GRPC.setLevel(Level.WARNING);
        boolean table = List.of(arguments).contains("--entries");
        var ids = List.of(arguments).stream().filter(each -> !each.startsWith("--")).toList();
        try (Client client = new Client()) {
            if (System.getenv("EMAIL") != null) {
                signIn(client, System.getenv("EMAIL"), System.getenv("PASSWORD"));
            }
            searchFlights(client);
            String id = ids.isEmpty() ? newestConversation(client) : ids.get(0);
            try (Watch watch = client.watch(WatchRequest.newBuilder().setConversationId(id).build())) {
                watch.onConnection(change -> System.err.println("connection " + lower(change)));
                for (Entry entry : watch) {
                    print(entry, table);
                }
            }
        } catch (StatusRuntimeException | ReadbackException error) {
            System.err.println(ReadbackException.of(error));
            System.exit(1);
        }
    }

    private static void signIn(Client client, String email, String password) {
        try {
            client.signIn(email, password);
        } catch (ReadbackException error) {
            if (error.reason() != ErrorReason.ERROR_REASON_WRONG_CREDENTIALS) {
                throw error;
            }
            client.register(email, password, email.split("@")[0]);
        }
    }

    private static void searchFlights(Client client) {
        var day = LocalDate.now(ZoneOffset.UTC).plusDays(20);
        var date = Date.newBuilder()
            .setYear(day.getYear()).setMonth(day.getMonthValue()).setDay(day.getDayOfMonth());
        var leg = SearchLeg.newBuilder().setOrigin("MAA").setDestination("DEL").setDepartureDate(date);
        var request = SearchFlightsRequest.newBuilder().addLegs(leg);
        client.flightdata().searchFlights(request.build()).forEachRemaining(event ->
            event.getResults().getItinerariesList().forEach(found -> {
                var total = found.getFare().getTotal();
                boolean priced = found.getFare().hasTotal();
                String price = priced ? total.getUnits() + " " + total.getCurrencyCode() : "";
                OUT.print("flight " + found.getSegmentsList().stream().map(Segment::getFlightNumber)
                    .collect(Collectors.joining(" ")) + " " + price + "\n");
            }));
    }

    private static String newestConversation(Client client) {
        var newest = client.conversation().listConversations(
            ListConversationsRequest.newBuilder().setPageSize(1).build());
        return newest.getConversationsCount() > 0 ? newest.getConversations(0).getConversationId()
            : client.conversation().startConversation(StartConversationRequest.getDefaultInstance())
                .getConversation().getConversationId();
    }

    private static void print(Entry entry, boolean table) {
        boolean known = entry.getContentCase() != Entry.ContentCase.CONTENT_NOT_SET;
        String kind = known ? lower(entry.getContentCase()) : "";
        String text = entry.getUtterance().getText();
        if (table) {
            text = entry.getNumber() + "\t" + entry.getConversationId() + "\t" + kind + "\t" + text;
        }
        if (table || entry.hasUtterance()) {
            OUT.print(text + "\n");
            OUT.flush();
        }
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
