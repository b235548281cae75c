import { type Interceptor } from "@connectrpc/connect";
import { NotSignedIn } from "./errors.js";
import { IdentityService } from "./gen/readback/identity/v1/identity_service_pb.js";

const REFRESH_BEFORE_EXPIRY_SECONDS = 60;

/** The tokens of a signed-in session, in the form of the file that `readback login` writes. */
export interface Credentials {
  email: string;
  access_token: string;
  /** Seconds since the epoch. */
  access_expires: number;
  refresh_token: string;
}

/** Keeps the credentials of one session. */
export interface CredentialsStore {
  read(): Promise<Credentials | undefined>;
  save(credentials: Credentials): Promise<void>;
  delete(): Promise<void>;
}

/** Credentials that are gone when the program or the page ends. */
export class CredentialsInMemory implements CredentialsStore {
  private credentials: Credentials | undefined;

  async read(): Promise<Credentials | undefined> {
    return this.credentials;
  }

  async save(credentials: Credentials): Promise<void> {
    this.credentials = credentials;
  }

  async delete(): Promise<void> {
    this.credentials = undefined;
  }
}

/** A saved session. Its access token is refreshed shortly before it expires. */
export class Session {
  private refreshing: Promise<Credentials> | undefined;

  /** `refresh` exchanges a refresh token. It throws `NotSignedIn` if the session has ended. */
  constructor(
    readonly store: CredentialsStore,
    private readonly refresh: (old: Credentials) => Promise<Credentials>,
  ) {}

  /** Return an access token that is valid for a minute at least. */
  async token(): Promise<string> {
    const known = await this.read();
    if (isFresh(known)) return known.access_token;
    this.refreshing ??= this.refreshed(known).finally(() => (this.refreshing = undefined));
    return (await this.refreshing).access_token;
  }

  private async read(): Promise<Credentials> {
    const credentials = await this.store.read();
    if (!credentials) throw new NotSignedIn("You are not signed in.");
    return credentials;
  }

  private async refreshed(old: Credentials): Promise<Credentials> {
    try {
      // Another program may refresh at the same moment. The service gives both the same tokens.
      const credentials = await this.refresh(old);
      await this.store.save(credentials);
      return credentials;
    } catch (error) {
      if (!(error instanceof NotSignedIn)) throw error;
      const current = await this.store.read();
      if (current && current.refresh_token !== old.refresh_token && isFresh(current)) return current;
      await this.store.delete();
      throw error;
    }
  }
}

/** Send the session's token with each call that needs one. */
export function authorized(session: Session): Interceptor {
  const { register, login, refreshSession } = IdentityService.method;
  const open: unknown[] = [register, login, refreshSession];
  return (next) => async (request) => {
    if (!open.includes(request.method)) request.header.set("authorization", `Bearer ${await session.token()}`);
    return next(request);
  };
}

function isFresh(credentials: Credentials): boolean {
  return credentials.access_expires - Date.now() / 1000 > REFRESH_BEFORE_EXPIRY_SECONDS;
}
