/** The client of the admin API: what a person who is signed in can do. Programs that run models use `ZeroGPU`. */
import { AccountApi, AdminApi, type Routes } from './admin.generated.ts';
import { AdminCaller, type AdminOptions } from './admin-calls.ts';
import { type ClientOptions, DEFAULT_BASE_URL, headerText, readConnection } from './options.ts';
import { pageURL, processEnvironment } from './surroundings.ts';
import { type Identity, Transport, type WithRequestId } from './transport.ts';

export interface AdminClientOptions extends Pick<ClientOptions, 'timeout' | 'maxRetries' | 'fetch'> {
  /** With or without `/v1`. Defaults to `ZEROGPU_BASE_URL`, else `http://127.0.0.1:8080`; in a page, to its own server. */
  readonly baseURL?: string | undefined;
  /**
   * How the session is carried. `token`, the default, is for programs: it is kept in memory by this client alone.
   * `cookie` is for pages of the server itself: the browser keeps it, out of reach of scripts.
   */
  readonly session?: 'token' | 'cookie' | undefined;
  /** The token of a session that was opened before; only with `session: 'token'`. */
  readonly token?: string | undefined;
}

type Answer<Name extends keyof Routes> = Promise<WithRequestId<Routes[Name]['answer']>>;

/** The account's routes, with the session remembered and forgotten. */
class Account extends AccountApi {
  readonly #session: Session;

  constructor(call: AdminCaller, session: Session) {
    super(call);
    this.#session = session;
  }

  /** Opens a session, which this client then acts with. @throws AuthenticationError when the two do not match */
  override async signIn(body: Routes['signIn']['body'], options: AdminOptions = {}): Answer<'signIn'> {
    return this.#session.keep(await super.signIn(this.#session.asked(body), options));
  }

  /** Makes an account and opens a session, which this client then acts with. */
  override async signUp(body: Routes['signUp']['body'], options: AdminOptions = {}): Answer<'signUp'> {
    return this.#session.keep(await super.signUp(this.#session.asked(body), options));
  }

  /** Ends the session. */
  override async signOut(options: AdminOptions = {}): Promise<void> {
    await super.signOut(options);
    this.#session.forget();
  }
}

/** What says who is signed in. The token stands in a private field, so that no log of a client shows it. */
class Session implements Identity {
  readonly credentials: 'omit' | 'include';
  readonly postsOnce = false;
  readonly #carrier: 'token' | 'cookie';
  #token: string | null;

  constructor({ session = 'token', token }: AdminClientOptions) {
    this.#carrier = session;
    this.#token = token === undefined ? null : headerText('token', token);
    this.credentials = session === 'cookie' ? 'include' : 'omit';
  }

  headers(): Readonly<Record<string, string>> {
    return this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
  }

  readonly hide = (text: string): string =>
    this.#token === null ? text : text.replaceAll(this.#token, '[session token]');

  asked<Body extends { session?: 'token' | 'cookie' | undefined }>(body: Body): Body {
    return { session: this.#carrier, ...body };
  }

  keep<Told extends { token: string | null }>(answer: Told): Told {
    this.#token = answer.token;
    return answer;
  }

  forget(): void {
    this.#token = null;
  }
}

/**
 * A client of one server's admin API, for one person.
 *
 * @example
 * const admin = new ZeroGPUAdmin({ baseURL: 'http://127.0.0.1:8080' });
 * await admin.account.signIn({ email, password });
 * const { key } = await admin.keys.create(projectId, { name: 'the shop' });
 */
export class ZeroGPUAdmin extends AdminApi {
  /** Without `/v1`. */
  readonly baseURL: string;
  override readonly account: AccountApi;

  /** @throws ZeroGPUError when an option cannot be used */
  constructor(options: AdminClientOptions = {}) {
    const page = pageURL();
    const connection = readConnection(
      options,
      processEnvironment().ZEROGPU_BASE_URL ?? (page === null ? DEFAULT_BASE_URL : '/'),
      page,
    );
    const session = new Session(options);
    const call = new AdminCaller(new Transport(connection, session));
    super(call);
    this.baseURL = connection.root;
    this.account = new Account(call, session);
  }
}
