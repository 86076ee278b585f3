import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code } from "@connectrpc/connect";
import { toDuration } from "./duration.js";
import { PosternError } from "./errors.js";
import { SupabaseService } from "./gen/postern/connection/v1/connection_pb.js";
import {
  type ForwardRequestSchema,
  type ForwardResponse,
  type HttpHeader,
  HttpMethod,
  type ProxyService,
  type ForwardSummary as WireSummary,
} from "./gen/postern/proxy/v1/proxy_pb.js";
import { type Timings, toTimings } from "./query.js";
import { cancellable, inOrder } from "./streams.js";

const METHODS = {
  GET: HttpMethod.GET,
  HEAD: HttpMethod.HEAD,
  POST: HttpMethod.POST,
  PUT: HttpMethod.PUT,
  PATCH: HttpMethod.PATCH,
  DELETE: HttpMethod.DELETE,
} as const;

const SERVICES = {
  rest: SupabaseService.REST,
  storage: SupabaseService.STORAGE,
  functions: SupabaseService.FUNCTIONS,
  auth: SupabaseService.AUTH,
} as const;

export type HttpMethodName = keyof typeof METHODS;
export type SupabaseServiceName = keyof typeof SERVICES;

export function isHttpMethod(text: string): text is HttpMethodName {
  return Object.hasOwn(METHODS, text);
}

export function isSupabaseService(text: string): text is SupabaseServiceName {
  return Object.hasOwn(SERVICES, text);
}

/** One HTTP request to a Supabase project. The stored key is added by the server. */
export interface ForwardRequest {
  connection: string;
  /** GET if absent. */
  method?: HttpMethodName;
  /** "rest" if absent. */
  service?: SupabaseServiceName;
  /** The path below the service's own, decoded: ["rpc", "total"] for /rest/v1/rpc/total. */
  path: readonly string[];
  /** The query's names and values, decoded and in order. */
  query?: readonly (readonly [name: string, value: string])[];
  headers?: readonly (readonly [name: string, value: string])[];
  /** At most 3 MiB. */
  body?: Uint8Array<ArrayBuffer>;
  timeoutMs?: number;
  /** A token of the project's own Auth service, where the connection allows user tokens. */
  userToken?: string;
}

/** The parts of an answer, in this order: one head, any number of body parts, one summary. */
export type ForwardPart =
  | { kind: "head"; status: number; headers: [name: string, value: string][] }
  | { kind: "body"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "summary"; summary: ForwardSummary };

export interface ForwardSummary {
  byteCount: bigint;
  /** `firstRow` is the time to the head. */
  timings: Timings;
  /** What to do about the error that the project answered with; empty if there is none, or if it is not known. */
  hint: string;
}

/** Sends one request. Aborting the signal also closes the request to the project. */
export function runForward(
  client: Client<typeof ProxyService>,
  request: ForwardRequest,
  signal?: AbortSignal,
): AsyncGenerator<ForwardPart, void, undefined> {
  const message = toMessage(request);
  return cancellable(
    (signal) => inOrder(answerParts(client.forward(message, { signal })), "head"),
    signal,
  );
}

function toMessage(request: ForwardRequest): MessageInitShape<typeof ForwardRequestSchema> {
  const { connection, method = "GET", service = "rest", path, query = [], headers = [] } = request;
  const { body, timeoutMs, userToken } = request;
  return {
    connection,
    method: METHODS[method],
    service: SERVICES[service],
    path: [...path],
    query: query.map(named),
    headers: headers.map(named),
    ...(body === undefined ? {} : { body }),
    ...(timeoutMs === undefined ? {} : { timeout: toDuration(timeoutMs) }),
    ...(userToken === undefined ? {} : { userToken }),
  };
}

function named([name, value]: readonly [string, string]): { name: string; value: string } {
  return { name, value };
}

async function* answerParts(
  responses: AsyncIterable<ForwardResponse>,
): AsyncGenerator<ForwardPart> {
  for await (const { part } of responses) yield toPart(part);
}

function toPart(part: ForwardResponse["part"]): ForwardPart {
  switch (part.case) {
    case "head":
      return { kind: "head", status: part.value.status, headers: part.value.headers.map(pair) };
    case "body":
      return { kind: "body", bytes: part.value as Uint8Array<ArrayBuffer> };
    case "summary":
      return { kind: "summary", summary: toSummary(part.value) };
    default:
      throw new PosternError(Code.Internal, "unknown part of an answer");
  }
}

function pair({ name, value }: HttpHeader): [string, string] {
  return [name, value];
}

function toSummary({ byteCount, timings, hint }: WireSummary): ForwardSummary {
  return { byteCount, timings: toTimings(timings), hint };
}
