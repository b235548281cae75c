import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type Client as ServiceClient, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { retries } from "./backoff.js";
import { NotSignedIn, ReadbackError, typedErrors } from "./errors.js";
import { ConversationService, TranscriptFormat } from "./gen/readback/conversation/v1/conversation_service_pb.js";
import { FlightDataService } from "./gen/readback/flightdata/v1/flightdata_service_pb.js";
import {
  type Customer,
  IdentityService,
  type LoginResponse,
  type RegisterResponse,
  type TokenPair,
} from "./gen/readback/identity/v1/identity_service_pb.js";
import { type Credentials, authorized, type CredentialsStore, Session } from "./session.js";
import { Watch, type WatchInit, type WatchOptions } from "./watch.js";

/** Transports to the services, each with the given interceptors. */
export type Transports = (interceptors: Interceptor[]) => Record<"identity" | "conversation" | "flightdata", Transport>;

/** Longest time for a call, unless its options say otherwise. Streams have no limit. */
const TIMEOUT_MS = 45_000;

/**
 * A client of one Readback, for one signed-in person. Make it with `connect` of `readback-client/node` or
 * `readback-client/browser`.
 *
 * Every RPC of the contracts is a method of `identity`, `conversation` or `flightdata`. Errors are `ReadbackError`s.
 */
export class Client {
  /** Account and sessions. Use the client's own methods to sign in and out. */
  readonly identity: ServiceClient<typeof IdentityService>;
  /** Conversations, calls and transcripts. */
  readonly conversation: ServiceClient<typeof ConversationService>;
  /** Places, flights and their status. */
  readonly flightdata: ServiceClient<typeof FlightDataService>;

  constructor(transports: Transports, private readonly store: CredentialsStore) {
    const session = new Session(store, (old) => this.refresh(old));
    const to = transports([typedErrors, retries, authorized(session)]);
    this.identity = createClient(IdentityService, limited(to.identity));
    this.conversation = createClient(ConversationService, limited(to.conversation));
    this.flightdata = createClient(FlightDataService, limited(to.flightdata));
  }

  /** Create an account and sign in. */
  async register(email: string, password: string, displayName: string, locale = ""): Promise<Customer> {
    return this.signedIn(await this.identity.register({ email, password, displayName, locale }));
  }

  /** Sign in and keep the session in the store. */
  async signIn(email: string, password: string): Promise<Customer> {
    return this.signedIn(await this.identity.login({ email, password }));
  }

  /** End the session, here and at the service. */
  async signOut(): Promise<void> {
    try {
      await this.identity.logout({});
    } catch (error) {
      if (!(error instanceof NotSignedIn)) throw error;
    }
    await this.store.delete();
  }

  /** Follow a conversation, or all of them if the id is empty. See `Watch`. */
  watch(request: WatchInit = {}, options: WatchOptions = {}): Watch {
    return new Watch((resumed, signal) => this.conversation.watch(resumed, { signal }), request, options);
  }

  /** Return a whole transcript as a file. */
  async export(conversationId: string, format = TranscriptFormat.TEXT): Promise<Blob> {
    const parts: BlobPart[] = [];
    let type = "";
    for await (const chunk of this.conversation.exportTranscript({ conversationId, format })) {
      parts.push(new Uint8Array(chunk.data));
      type ||= chunk.mediaType;
    }
    return new Blob(parts, { type });
  }

  private async signedIn(response: LoginResponse | RegisterResponse): Promise<Customer> {
    await this.store.save(credentials(response.customer!.email, response.tokens!));
    return response.customer!;
  }

  private async refresh(old: Credentials): Promise<Credentials> {
    try {
      const { tokens } = await this.identity.refreshSession({ refreshToken: old.refresh_token });
      return credentials(old.email, tokens!);
    } catch (error) {
      const ended = error instanceof ReadbackError && ENDED.has(error.reason);
      throw ended ? new NotSignedIn("Your session has ended.") : error;
    }
  }
}

const ENDED = new Set<string>(["SESSION_ENDED", "REFRESH_TOKEN_REUSED"]);

function credentials(email: string, tokens: TokenPair): Credentials {
  const expires = timestampMs(tokens.accessExpireTime!) / 1000;
  return { email, access_token: tokens.accessToken, access_expires: expires, refresh_token: tokens.refreshToken };
}

/** Limit the time of calls. */
function limited(transport: Transport): Transport {
  return {
    unary: (method, signal, timeoutMs, ...rest) => transport.unary(method, signal, timeoutMs ?? TIMEOUT_MS, ...rest),
    stream: (...call) => transport.stream(...call),
  };
}
