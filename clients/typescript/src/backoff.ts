import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, type Interceptor } from "@connectrpc/connect";
import { typed } from "./errors.js";

const ATTEMPTS = 4;
const LONGEST_ASKED_MS = 5000;

/** Exponential pauses with jitter. */
export class Backoff {
  private next: number;

  constructor(private readonly shortestMs: number, private readonly longestMs: number) {
    this.next = shortestMs;
  }

  reset(): void {
    this.next = this.shortestMs;
  }

  /** Wait before the next attempt, in addition to the pause that the service asked for. */
  async pause(askedMs = 0, signal?: AbortSignal): Promise<void> {
    const span = this.next;
    this.next = Math.min(this.longestMs, span * 2);
    const ms = span * (0.5 + Math.random() / 2) + Math.min(askedMs, LONGEST_ASKED_MS);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** Repeat calls that may be repeated while the service can't be reached, as the services' published config does. */
export const retries: Interceptor = (next) => async (request) => {
  const repeatable = !request.stream && request.method.idempotency !== Idempotency.IDEMPOTENCY_UNKNOWN;
  if (request.stream || !repeatable) return next(request);
  const message = request.message as { requestId?: string };
  // With its own id, a repeated request is done once.
  if (message.requestId === "") message.requestId = globalThis.crypto?.randomUUID?.() ?? "";
  const backoff = new Backoff(100, 2000);
  for (let attempt = 1; ; attempt++) {
    try {
      return await next(request);
    } catch (thrown) {
      const error = typed(thrown);
      if (error.code !== Code.Unavailable || attempt === ATTEMPTS || request.signal.aborted) throw error;
      await backoff.pause(error.retryAfterMs, request.signal);
    }
  }
};
