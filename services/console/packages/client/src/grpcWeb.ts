import {
  type DescMessage,
  type DescMethodStreaming,
  type DescMethodUnary,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextValues,
  type Interceptor,
  type StreamRequest,
  type Transport,
  type UnaryRequest,
} from "@connectrpc/connect";
import {
  compressedFlag,
  createEnvelopeReadableStream,
  createMethodUrl,
  encodeEnvelope,
  runStreamingCall,
  runUnaryCall,
} from "@connectrpc/connect/protocol";
import {
  requestHeader,
  trailerFlag,
  trailerParse,
  validateResponse,
  validateTrailer,
} from "@connectrpc/connect/protocol-grpc-web";

export interface GrpcWebOptions {
  baseUrl: string;
  interceptors: Interceptor[];
  fetch: typeof fetch;
}

/**
 * Binary gRPC-web over `fetch`. @connectrpc/connect-web has a transport for it too, which also brings the conversion of
 * all messages to and from JSON: a quarter of this package's size.
 */
export function createGrpcWebTransport({
  baseUrl,
  interceptors,
  fetch,
}: GrpcWebOptions): Transport {
  return {
    unary(method, signal, timeoutMs, header, message, contextValues = createContextValues()) {
      const url = createMethodUrl(baseUrl, method);
      const headers = requestHeader(true, timeoutMs, header, false);
      const call = { service: method.parent, method, requestMethod: "POST", url, contextValues };
      return runUnaryCall({
        interceptors,
        ...(signal === undefined ? {} : { signal }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        req: { ...call, stream: false, header: headers, message },
        next: async (request) => {
          const response = await send(fetch, request, toBinary(method.input, request.message));
          const trailer = new Headers();
          const answer = await onlyMessage(read(method, response, trailer, request.signal));
          const { headers: header } = response;
          return {
            stream: false,
            service: method.parent,
            method,
            header,
            trailer,
            message: answer,
          };
        },
      });
    },
    stream(method, signal, timeoutMs, header, input, contextValues = createContextValues()) {
      const url = createMethodUrl(baseUrl, method);
      const headers = requestHeader(true, timeoutMs, header, false);
      const call = { service: method.parent, method, requestMethod: "POST", url, contextValues };
      return runStreamingCall({
        interceptors,
        ...(signal === undefined ? {} : { signal }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        req: { ...call, stream: true, header: headers, message: input },
        next: async (request) => {
          const body = toBinary(method.input, await onlyMessage(request.message));
          const response = await send(fetch, request, body);
          const trailer = new Headers();
          const message = read(method, response, trailer, request.signal);
          const { headers: header } = response;
          return { stream: true, service: method.parent, method, header, trailer, message };
        },
      });
    },
  };
}

function send(
  fetch: GrpcWebOptions["fetch"],
  { url, header, signal }: Pick<UnaryRequest | StreamRequest, "url" | "header" | "signal">,
  message: Uint8Array,
): Promise<Response> {
  const body = encodeEnvelope(0, message as Uint8Array<ArrayBuffer>);
  return fetch(url, { method: "POST", redirect: "error", headers: header, signal, body });
}

/** Reads messages until the trailers, which hold the status of the call. */
async function* read<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O> | DescMethodStreaming<I, O>,
  { status, headers, body }: Response,
  trailers: Headers,
  signal: AbortSignal,
): AsyncGenerator<MessageShape<O>> {
  const { foundStatus, headerError } = validateResponse(status, headers);
  if (headerError !== undefined) throw headerError;
  if (body === null) throw broken("the response has no body");
  const reader = createEnvelopeReadableStream(body).getReader();
  let ended = foundStatus;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { flags, data } = next.value;
    if (ended) throw broken("data follows the trailers");
    if ((flags & compressedFlag) !== 0) throw broken("the response is compressed");
    if ((flags & trailerFlag) === 0) {
      yield fromBinary(method.output, data);
      continue;
    }
    ended = true;
    const found = trailerParse(data);
    validateTrailer(found, headers);
    found.forEach((value, name) => {
      trailers.set(name, value);
    });
  }
  // Node.js does not report a signal that was aborted before the body was read (undici#1940).
  signal.throwIfAborted();
  if (!ended) throw broken("the trailers are missing");
}

async function onlyMessage<T>(messages: AsyncIterable<T>): Promise<T> {
  const found: T[] = [];
  for await (const message of messages) found.push(message);
  const [message] = found;
  if (message === undefined || found.length > 1) throw broken("expected one message");
  return message;
}

function broken(message: string): ConnectError {
  return new ConnectError(`protocol error: ${message}`, Code.Internal);
}
