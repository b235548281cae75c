import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { Backoff } from "./backoff.js";
import { NotSignedIn, type ReadbackError, typed } from "./errors.js";
import {
  WatchEndReason,
  type WatchRequest,
  WatchRequestSchema,
  type WatchResponse,
  WatchResponseSchema,
} from "./gen/readback/conversation/v1/conversation_service_pb.js";
import type { Entry } from "./gen/readback/conversation/v1/entry_pb.js";
import { LiveTexts } from "./live_texts.js";

const HEARTBEAT_SECONDS = 5;
/** Silence after which the stream counts as dead: three missing heartbeats. */
const SILENCE_MS = 3 * HEARTBEAT_SECONDS * 1000;
const MAX_CONVERSATIONS = 1024;
/** One token may expire while it is sent, but not three in a row. */
const MAX_REFUSED_TOKENS = 3;
const FINAL = [WatchEndReason.CONVERSATION_ENDED, WatchEndReason.CONVERSATION_DELETED];
const { Unavailable, ResourceExhausted, DeadlineExceeded, Canceled, Internal, Unknown } = Code;
const RETRIED = [Unavailable, ResourceExhausted, DeadlineExceeded, Canceled, Internal, Unknown];

export type WatchInit = MessageInitShape<typeof WatchRequestSchema>;
export type Connection = "lost" | "resumed" | "rewound";
export type OpenWatch = (request: WatchRequest, signal: AbortSignal) => AsyncIterable<WatchResponse>;

export interface WatchOptions {
  /** Stops the watch. */
  signal?: AbortSignal;
  /** If the cursor has expired, continue from the earliest entry instead of throwing `CURSOR_EXPIRED`. */
  fromEarliest?: boolean;
  /** Called when the connection is lost, and when the watch continues. */
  onConnection?: (change: Connection) => void;
}

/**
 * The log of one conversation or of all, from where the request says. Loop over it, once.
 *
 * Each entry comes once and in order, across restarts of the service, lost connections and expired tokens. The
 * loop ends when the followed conversation has ended or was deleted. `events()` also yields what is no entry.
 */
export class Watch implements AsyncIterable<Entry> {
  /** Cursor after the last entry that had one. Save it to resume in another program. */
  cursor = "";
  private readonly request: WatchRequest;
  private readonly backoff = new Backoff(50, 3000);
  private readonly lastNumbers = new Map<string, bigint>();
  private live = new LiveTexts();
  private caughtUp = false;
  private ended = false;
  private wasConnected = false;
  private lost = false;
  private refusedTokens = 0;

  constructor(private readonly open: OpenWatch, init: WatchInit, private readonly options: WatchOptions = {}) {
    this.request = create(WatchRequestSchema, init);
    this.request.heartbeatInterval = create(WatchRequestSchema, {
      heartbeatInterval: { seconds: BigInt(HEARTBEAT_SECONDS) },
    }).heartbeatInterval!;
    if (this.request.start.case === "cursor") this.cursor = this.request.start.value;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entry> {
    for await (const { event } of this.events()) if (event.case === "entry") yield event.value;
  }

  /**
   * Yield the events of the contract except heartbeats. Entries come singly, live text comes whole. Throws a
   * `ReadbackError` if the service answers with an error that a retry would not help.
   */
  async *events(): AsyncGenerator<WatchResponse> {
    while (!this.ended && !this.options.signal?.aborted) {
      let askedMs: number | undefined;
      this.live = new LiveTexts();
      try {
        for await (const response of this.read()) if (this.isNew(response)) yield response;
      } catch (thrown) {
        const error = typed(thrown);
        if (this.options.signal?.aborted) return;
        if (this.wasDeleted(error)) {
          const value = { reason: WatchEndReason.CONVERSATION_DELETED };
          yield create(WatchResponseSchema, { event: { case: "end", value } });
          return;
        }
        this.prepareRetry(error);
        askedMs = error.retryAfterMs;
      }
      if (!this.ended) await this.backoff.pause(askedMs, this.options.signal);
    }
  }

  private async *read(): AsyncGenerator<WatchResponse> {
    const stop = new AbortController();
    const abort = () => stop.abort();
    this.options.signal?.addEventListener("abort", abort);
    try {
      const responses = this.open(this.request, stop.signal)[Symbol.asyncIterator]();
      for (;;) {
        const silence = setTimeout(abort, SILENCE_MS);
        const next = await responses.next().finally(() => clearTimeout(silence));
        if (next.done) return;
        this.connected();
        const { cursor } = next.value;
        if (cursor) this.request.start = { case: "cursor", value: cursor };
        for (const event of split(next.value)) {
          if (event.cursor) this.cursor = event.cursor;
          yield event;
        }
      }
    } finally {
      this.options.signal?.removeEventListener("abort", abort);
      abort(); // leaving the loop early would keep the stream open
    }
  }

  private isNew({ event }: WatchResponse): boolean {
    switch (event.case) {
      case "entry":
        this.live.close(event.value.entryId);
        return this.isNewEntry(event.value);
      case "live":
        return this.live.complete(event.value);
      case "caughtUp": {
        const known = this.caughtUp;
        this.caughtUp = true;
        return !known;
      }
      case "deleted":
        return this.lastNumbers.delete(event.value.conversationId) || true;
      case "end":
        return (this.ended = FINAL.includes(event.value.reason));
      default:
        return event.case === "conversation";
    }
  }

  private isNewEntry({ conversationId, number }: Entry): boolean {
    const last = this.lastNumbers.get(conversationId) ?? 0n;
    this.lastNumbers.delete(conversationId); // the map keeps the order of the last use
    this.lastNumbers.set(conversationId, number > last ? number : last);
    if (this.lastNumbers.size > MAX_CONVERSATIONS) this.lastNumbers.delete(this.lastNumbers.keys().next().value!);
    return number > last;
  }

  private connected(): void {
    this.backoff.reset();
    this.wasConnected = true;
    this.refusedTokens = 0;
    if (this.lost) this.options.onConnection?.("resumed");
    this.lost = false;
  }

  /** Return whether the followed conversation was deleted while the connection was down. */
  private wasDeleted(error: ReadbackError): boolean {
    return this.wasConnected && this.request.conversationId !== "" && error.code === Code.NotFound;
  }

  private prepareRetry(error: ReadbackError): void {
    if (error instanceof NotSignedIn) throw error;
    if (error.reason === "CURSOR_EXPIRED" && this.options.fromEarliest) return this.rewind(error);
    const refused = error.code === Code.Unauthenticated;
    if (refused ? ++this.refusedTokens >= MAX_REFUSED_TOKENS : !RETRIED.includes(error.code)) throw error;
    // The error for a slow reader has a cursor after the last message sent. Ours is after the last message
    // received, and messages between the two may be lost.
    if (!this.lost) this.options.onConnection?.("lost");
    this.lost = true;
  }

  private rewind(error: ReadbackError): void {
    this.lastNumbers.clear();
    const value = error.facts["earliest_cursor"];
    this.request.start = value ? { case: "cursor", value } : { case: undefined };
    this.options.onConnection?.("rewound");
  }
}

/** Yield one message for each entry of a response. Only the last one has the cursor. */
function* split(response: WatchResponse): Generator<WatchResponse> {
  if (response.event.case !== "entries") return yield response;
  const { entries } = response.event.value;
  for (const [index, value] of entries.entries()) {
    const cursor = index === entries.length - 1 ? response.cursor : "";
    yield create(WatchResponseSchema, { cursor, event: { case: "entry", value } });
  }
}
