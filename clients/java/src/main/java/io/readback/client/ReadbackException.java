package io.readback.client;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import io.readback.errors.v1.ErrorReason;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An error of a service, or of the connection to it. Look at its reason:
 *
 *     if (ReadbackException.of(error).reason() == ErrorReason.ERROR_REASON_CONVERSATION_NOT_FOUND) …
 */
public class ReadbackException extends RuntimeException {
    private final Status.Code code;
    private ErrorInfo info = ErrorInfo.getDefaultInstance();
    private final Map<String, String> violations = new LinkedHashMap<>();
    private Duration retryAfter = Duration.ZERO;

    private ReadbackException(Status status, Throwable cause) {
        super(status.getDescription() == null ? status.getCode().name() : status.getDescription(), cause);
        code = status.getCode();
    }

    /** There is no session, or it has ended: sign in. */
    public static final class NotSignedIn extends ReadbackException {
        NotSignedIn(String message) {
            super(Status.UNAUTHENTICATED.withDescription(message), null);
        }
    }

    /** Return the typed error for an error of a stub. */
    public static ReadbackException of(Throwable error) {
        if (error instanceof ReadbackException typed) {
            return typed;
        }
        var typed = new ReadbackException(Status.fromThrowable(error), error);
        try {
            var status = StatusProto.fromThrowable(error);
            for (Any each : status == null ? List.<Any>of() : status.getDetailsList()) {
                typed.add(each);
            }
        } catch (InvalidProtocolBufferException | IllegalArgumentException ignored) {
            // A proxy's details, or no protobuf.
        }
        return typed;
    }

    private void add(Any detail) throws InvalidProtocolBufferException {
        if (detail.is(ErrorInfo.class)) {
            info = detail.unpack(ErrorInfo.class);
        } else if (detail.is(BadRequest.class)) {
            detail.unpack(BadRequest.class).getFieldViolationsList()
                .forEach(each -> violations.put(each.getField(), each.getDescription()));
        } else if (detail.is(RetryInfo.class)) {
            var delay = detail.unpack(RetryInfo.class).getRetryDelay();
            retryAfter = Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
        }
    }

    /** Return the status code of gRPC. */
    public Status.Code code() {
        return code;
    }

    /** Return the reason: unspecified for an error of the connection, unrecognized for a later version's. */
    public ErrorReason reason() {
        if (info.getReason().isEmpty()) {
            return ErrorReason.ERROR_REASON_UNSPECIFIED;
        }
        var found = ErrorReason.getDescriptor().findValueByName("ERROR_REASON_" + info.getReason());
        return found == null ? ErrorReason.UNRECOGNIZED : ErrorReason.valueOf(found);
    }

    /** Return the facts that belong to the reason. */
    public Map<String, String> facts() {
        return info.getMetadataMap();
    }

    /** Return the fields of the request that break their rules, each with the problem in words. */
    public Map<String, String> violations() {
        return violations;
    }

    /** Return the wait that the service asks for; zero if it asks for none. */
    public Duration retryAfter() {
        return retryAfter;
    }

    @Override
    public String toString() {
        return getMessage() + " [" + (info.getReason().isEmpty() ? code.name() : info.getReason()) + "]";
    }
}
