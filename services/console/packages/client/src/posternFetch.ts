import { Code } from "@connectrpc/connect";
import type { Postern } from "./client.js";
import { PosternError, toPosternError } from "./errors.js";
import {
  type ForwardPart,
  type ForwardRequest,
  isHttpMethod,
  isSupabaseService,
} from "./forward.js";
import { refusalOf } from "./refusal.js";

export interface PosternFetchOptions {
  /**
   * Whether requests carry a token of the project's own Auth service, so that its row level security applies to that
   * user; the connection has to allow it. "session" takes the token that supabase-js sends instead of its key: that of
   * the signed-in user, or of its `accessToken` option. A function returns one, or undefined for none.
   */
  userToken?: "session" | (() => string | undefined | Promise<string | undefined>);
  /** Maximum duration of a request; 30 s if absent, at most 300 s. */
  timeoutMs?: number;
  /** Receives Postern's advice on an error that the project answered with, such as the GRANT to run. */
  onHint?: (hint: string) => void;
}

/** A `fetch` for supabase-js that sends requests through Postern, which adds the key. */
export function posternFetch(
  postern: Pick<Postern, "forward">,
  connection: string,
  options: PosternFetchOptions = {},
): typeof fetch {
  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    // The signal is left out, because Request accepts only signals of its own realm.
    const request = new Request(input, { ...init, signal: null });
    try {
      const { timeoutMs } = options;
      const forwarded = {
        connection,
        ...(await toForwardRequest(request, options)),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      };
      return await new Call(postern, forwarded, signal, options.onHint).response();
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = toPosternError(thrown);
      if (error.networkFailure) throw error.cause;
      return refusalOf(error);
    }
  };
}

/** The server's limit, checked here too, so that a large body is not sent in vain. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Headers that hold the placeholder key, or a token that has a field of its own. */
const CREDENTIALS = new Set(["apikey", "authorization"]);

/**
 * supabase-js names a schema with every request, and `public` unless it is told another one. Left out, it is the
 * connection's, which is `public`, too, unless its owner has chosen another one.
 */
const PROFILES = new Set(["accept-profile", "content-profile"]);
const DEFAULT_SCHEMA = "public";

async function toForwardRequest(
  request: Request,
  { userToken }: PosternFetchOptions,
): Promise<Omit<ForwardRequest, "connection">> {
  const { method } = request;
  if (!isHttpMethod(method)) throw unsupported(`the method ${method} cannot be sent`);
  const url = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.length > MAX_BODY_BYTES) {
    const hint = "Upload large files directly to the project, with a signed upload URL.";
    throw local("BODY_TOO_LARGE", "the request's body is larger than 3 MiB", hint);
  }
  const token = typeof userToken === "function" ? await userToken() : undefined;
  const sent = userToken === "session" ? sessionToken(request.headers) : token;
  return {
    method,
    ...readPath(url.pathname),
    query: [...url.searchParams],
    headers: [...request.headers].filter(([name, value]) => isSent(name, value)),
    ...(body.length === 0 ? {} : { body }),
    ...(sent === undefined ? {} : { userToken: sent }),
  };
}

function isSent(name: string, value: string): boolean {
  if (CREDENTIALS.has(name)) return false;
  return !(PROFILES.has(name) && value === DEFAULT_SCHEMA);
}

/** supabase-js sends its key as `apikey` and, unless there is a session, as the bearer token too. */
function sessionToken(headers: Headers): string | undefined {
  const token = /^Bearer (.+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  return token === headers.get("apikey") ? undefined : token;
}

/** Splits /rest/v1/rpc/total into the service and the decoded segments below it. */
function readPath(pathname: string): Pick<ForwardRequest, "service" | "path"> {
  const [, service = "", version, ...rest] = pathname.split("/");
  if (!isSupabaseService(service) || version !== "v1") {
    throw unsupported("only /rest/v1, /storage/v1, /functions/v1 and /auth/v1 can be called");
  }
  const isRoot = rest.length === 1 && rest[0] === "";
  return { service, path: isRoot ? [] : rest.map(readSegment) };
}

function readSegment(encoded: string): string {
  const segment = decoded(encoded);
  if (segment === "") throw unsupported("the path has an empty segment");
  if (/[/\\]/.test(segment)) {
    throw unsupported(`a path segment contains an encoded "/" or "\\", which cannot be sent`);
  }
  return segment;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unsupported("the path has invalid percent-encoding");
  }
}

function unsupported(message: string): PosternError {
  return local("UNSUPPORTED_REQUEST", message);
}

/** A refusal of this function itself; nothing was sent. */
function local(reason: string, message: string, hint?: string): PosternError {
  return new PosternError(Code.InvalidArgument, message, { reason, hint });
}

/** One call of Forward, read as a Response. */
class Call {
  private readonly abort = new AbortController();
  private readonly parts: AsyncGenerator<ForwardPart, void, undefined>;
  private readonly isHead: boolean;
  private readonly signal: AbortSignal | undefined;
  private readonly onHint: ((hint: string) => void) | undefined;

  constructor(
    postern: Pick<Postern, "forward">,
    request: ForwardRequest,
    signal: AbortSignal | undefined,
    onHint: ((hint: string) => void) | undefined,
  ) {
    const abort = () => this.abort.abort();
    this.abort.signal.addEventListener("abort", () => signal?.removeEventListener("abort", abort));
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    this.signal = signal;
    this.onHint = onHint;
    this.isHead = request.method === "HEAD";
    this.parts = postern.forward(request, { signal: this.abort.signal });
  }

  async response(): Promise<Response> {
    try {
      const { value: head } = await this.parts.next();
      if (head?.kind !== "head") throw new PosternError(Code.Internal, "the answer has no head");
      const { status, headers } = head;
      const hasBody = !this.isHead && !NULL_BODY.has(status);
      if (!hasBody) while ((await this.nextBytes()) !== undefined);
      return new Response(hasBody ? this.body() : null, { status, headers });
    } catch (thrown) {
      this.abort.abort();
      throw thrown;
    }
  }

  /** Reads from Postern only what is read from it. */
  private body(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (stream) => {
          try {
            const bytes = await this.nextBytes();
            if (bytes === undefined) stream.close();
            else stream.enqueue(bytes);
          } catch (thrown) {
            stream.error(this.failure(thrown));
          }
        },
        cancel: () => this.abort.abort(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The next part of the body, or undefined at its end. */
  private async nextBytes(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const { value: part, done } = await this.parts.next();
      if (done) {
        this.abort.abort();
        return undefined;
      }
      if (part.kind === "body" && part.bytes.length > 0) return part.bytes;
      if (part.kind === "summary" && part.summary.hint !== "") this.onHint?.(part.summary.hint);
    }
  }

  /** What `fetch` would report. */
  private failure(thrown: unknown): unknown {
    if (this.signal?.aborted) return this.signal.reason;
    const error = toPosternError(thrown);
    return error.networkFailure ? error.cause : error;
  }
}

/** https://fetch.spec.whatwg.org/#null-body-status */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);
