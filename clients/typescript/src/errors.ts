import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import type { ErrorReason } from "./gen/readback/errors/v1/error_reason_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** Name of a reason, for example `CONVERSATION_NOT_FOUND`; empty if the error comes from the connection. */
export type Reason = keyof typeof ErrorReason | "";

/**
 * An error that a service, or the connection to it, answered with. Look at `reason`:
 *
 *     if (error instanceof ReadbackError && error.reason === "CONVERSATION_NOT_FOUND") …
 */
export class ReadbackError extends ConnectError {
  readonly reason: Reason;
  /** Facts that belong to the reason. */
  readonly facts: Readonly<Record<string, string>>;
  /** Fields of the request that break their rules, each with the problem in words. */
  readonly violations: Readonly<Record<string, string>>;
  /** Milliseconds after which the service suggests to try again. */
  readonly retryAfterMs: number | undefined;

  constructor(error: ConnectError) {
    super(error.rawMessage, error.code, error.metadata, undefined, error.cause);
    this.details = error.details;
    const [info] = error.findDetails(ErrorInfoSchema);
    const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
    const violations = error.findDetails(BadRequestSchema).flatMap((detail) => detail.fieldViolations);
    this.reason = (info?.reason ?? "") as Reason; // a later service may have reasons that are unknown here
    this.facts = info?.metadata ?? {};
    this.violations = Object.fromEntries(violations.map((each) => [each.field, each.description]));
    this.retryAfterMs = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  }

  // ConnectError's own check would accept any ConnectError as an instance of this class.
  static override [Symbol.hasInstance](value: unknown): boolean {
    return Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

/** There is no session, or it has ended: sign in. */
export class NotSignedIn extends ReadbackError {
  constructor(message: string) {
    super(new ConnectError(message, Code.Unauthenticated));
  }
}

/** Return the error for anything thrown by a call. */
export function typed(error: unknown): ReadbackError {
  return error instanceof ReadbackError ? error : new ReadbackError(ConnectError.from(error));
}

/** Turn the errors of calls and streams into `ReadbackError`s. */
export const typedErrors: Interceptor = (next) => async (request) => {
  try {
    const response = await next(request);
    return response.stream ? { ...response, message: withTypedErrors(response.message) } : response;
  } catch (error) {
    throw typed(error);
  }
};

async function* withTypedErrors<M>(messages: AsyncIterable<M>): AsyncIterable<M> {
  try {
    yield* messages;
  } catch (error) {
    throw typed(error);
  }
}
