import {
  Code,
  ConnectError,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
} from "@connectrpc/connect";
import { toPosternError } from "./errors.js";

/** The services that users call. Each may take tokens of its own: with an audience that the other does not accept. */
export type ServiceName = "connection-service" | "proxy-service";

/**
 * Returns a token that Postern accepts now, renewing it first if necessary. Called for every request, and once more if
 * Postern refuses the token: then `refused` is that token. If another one is returned, the request is sent again.
 * `service` is where the request goes; a provider whose tokens are for both services ignores it.
 */
export type TokenProvider = (refused?: string, service?: ServiceName) => string | Promise<string>;

/**
 * Adds the user's bearer token to every call. A call that Postern refuses because of its token is sent again once with a
 * new one. That is safe for writes too: Postern verifies the token before it does anything else.
 */
export function bearer(token: TokenProvider): Interceptor {
  return (next) => async (request) => {
    if (request.stream) return stream(next as NextStream, request, token);
    const of = tokenOf(request, token);
    const first = await authorize(request, of);
    try {
      return await next(request);
    } catch (thrown) {
      const renewed = await renewedFor(thrown, first, of);
      if (renewed === null) throw thrown;
      setToken(request, renewed);
      return next(request);
    }
  };
}

type NextStream = (request: StreamRequest) => Promise<StreamResponse>;

/** Requests are streams too, which can be read once. Those of Postern have one message, which is kept. */
async function stream(
  next: NextStream,
  request: StreamRequest,
  token: TokenProvider,
): Promise<StreamResponse> {
  const of = tokenOf(request, token);
  const first = await authorize(request, of);
  const messages: unknown[] = [];
  for await (const message of request.message) messages.push(message);
  const send = () => next({ ...request, message: replay(messages) } as StreamRequest);
  const retry = async (thrown: unknown) => {
    const renewed = await renewedFor(thrown, first, of);
    if (renewed === null) throw thrown;
    setToken(request, renewed);
    return send();
  };
  const response = await send().catch(retry);
  return { ...response, message: firstOrRetry(response, retry) } as StreamResponse;
}

/** Sends the call again if its response is an error without any message before it. */
async function* firstOrRetry(
  { message, trailer }: StreamResponse,
  retry: (thrown: unknown) => Promise<StreamResponse>,
): AsyncGenerator<unknown> {
  let received = false;
  try {
    for await (const each of message) {
      received = true;
      yield each;
    }
  } catch (thrown) {
    if (received) throw thrown;
    const again = await retry(thrown);
    yield* again.message;
    again.trailer.forEach((value, name) => {
      trailer.set(name, value);
    });
  }
}

type TokenOfService = (refused?: string) => string | Promise<string>;

function tokenOf(
  { service }: Pick<StreamRequest, "service">,
  token: TokenProvider,
): TokenOfService {
  const name = service.typeName.startsWith("postern.proxy.")
    ? "proxy-service"
    : "connection-service";
  return (refused) => token(refused, name);
}

async function* replay(messages: readonly unknown[]): AsyncGenerator<unknown> {
  yield* messages;
}

/** Another token than the one that was refused, or null if the call failed for another reason. */
async function renewedFor(
  thrown: unknown,
  refused: string,
  token: TokenOfService,
): Promise<string | null> {
  const { code, reason } = toPosternError(thrown);
  // Without Postern's reason, something between here and Postern has answered.
  if (code !== Code.Unauthenticated || reason === undefined) return null;
  const renewed = await provided(token, refused);
  return renewed === refused ? null : renewed;
}

async function authorize(
  request: Pick<StreamRequest, "header">,
  token: TokenOfService,
): Promise<string> {
  const first = await provided(token);
  setToken(request, first);
  return first;
}

function setToken({ header }: Pick<StreamRequest, "header">, token: string): void {
  header.set("authorization", `Bearer ${token}`);
}

/** A provider that fails has no token. If it could not reach its server, the call fails like one without a network. */
async function provided(token: TokenOfService, refused?: string): Promise<string> {
  try {
    return await token(refused);
  } catch (thrown) {
    if (thrown instanceof ConnectError || thrown instanceof TypeError) throw thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new ConnectError(message, Code.Unauthenticated, undefined, undefined, thrown);
  }
}
