import {
  Code,
  ConnectError,
  createRouterTransport,
  type HandlerContext,
} from "@connectrpc/connect";
import { expect, it } from "vitest";
import { createPosternClient, type Postern } from "./client.js";
import { SupabaseService } from "./gen/postern/connection/v1/connection_pb.js";
import { type ForwardRequest, HttpMethod, ProxyService } from "./gen/postern/proxy/v1/proxy_pb.js";
import { type PosternFetchOptions, posternFetch } from "./posternFetch.js";
import {
  type AnswerMessage,
  answered,
  body,
  head,
  refusal,
  untilCancelled,
} from "./testing/messages.js";

type Handler = (request: ForwardRequest, context: HandlerContext) => AsyncIterable<AnswerMessage>;

/** A project that answers with the handler, and the requests that reached it. */
function project(handler: Handler = ok, options: PosternFetchOptions = {}) {
  const sent: ForwardRequest[] = [];
  const transport = createRouterTransport((router) =>
    router.service(ProxyService, {
      async *forward(request, context) {
        sent.push(request);
        yield* handler(request, context);
      },
    }),
  );
  const fetch = posternFetch(createPosternClient({ transport }), "shop", options);
  return { fetch, sent };
}

async function* ok(): AsyncGenerator<AnswerMessage> {
  yield head(200, { "content-type": "application/json", "content-range": "0-1/2" });
  yield body('[{"id":1},');
  yield body('{"id":2}]');
  yield answered();
}

function failing(error: ConnectError): Handler {
  // biome-ignore lint/correctness/useYield: fails before its first part
  return async function* () {
    throw error;
  };
}

const ORIGIN = "https://project.invalid";
const KEYS = { apikey: "placeholder", authorization: "Bearer placeholder" };

it("turns a URL into service, decoded segments and decoded query pairs", async () => {
  const { fetch, sent } = project();
  await fetch(`${ORIGIN}/rest/v1/rpc/caf%C3%A9?select=*&or=(a.eq.1%2Cb.eq.%26)&select=b+c`);
  expect(sent[0]).toMatchObject({
    connection: "shop",
    method: HttpMethod.GET,
    service: SupabaseService.REST,
    path: ["rpc", "café"],
  });
  expect(sent[0]?.query.map(({ name, value }) => [name, value])).toEqual([
    ["select", "*"],
    ["or", "(a.eq.1,b.eq.&)"],
    ["select", "b c"],
  ]);
});

it.each([
  ["/rest/v1/", SupabaseService.REST, []],
  ["/storage/v1/object/list/photos", SupabaseService.STORAGE, ["object", "list", "photos"]],
  ["/functions/v1/hello", SupabaseService.FUNCTIONS, ["hello"]],
  ["/auth/v1/user", SupabaseService.AUTH, ["user"]],
])("sends %s to its service", async (path, service, segments) => {
  const { fetch, sent } = project();
  await fetch(new URL(path, ORIGIN));
  expect(sent[0]).toMatchObject({ service, path: segments });
});

it.each([
  ["/rest/v1/a%2Fb", "encoded"],
  ["/rest/v1/a%5Cb", "encoded"],
  ["/rest/v1/%ff", "percent-encoding"],
  ["/rest/v1/a//b", "empty segment"],
  ["/rest/v1/a/", "empty segment"],
  ["/realtime/v1/api/broadcast", "only /rest/v1"],
  ["/rest/v2/a", "only /rest/v1"],
])("refuses %s without sending it", async (path, message) => {
  const { fetch, sent } = project();
  const response = await fetch(ORIGIN + path);
  expect(response.status).toBe(400);
  expect(response.headers.get("x-postern-error")).toBe("UNSUPPORTED_REQUEST");
  expect((await response.json()).message).toContain(message);
  expect(sent).toEqual([]);
});

it.each<[string, RequestInit["headers"]]>([
  ["an object", { ...KEYS, Prefer: "count=exact" }],
  ["an array", [...Object.entries(KEYS), ["Prefer", "count=exact"]]],
  ["Headers", new Headers({ ...KEYS, Prefer: "count=exact" })],
])("drops key headers given as %s, and sends the others", async (_kind, headers) => {
  const { fetch, sent } = project();
  await fetch(`${ORIGIN}/rest/v1/orders`, headers === undefined ? {} : { headers });
  expect(sent[0]?.headers.map(({ name, value }) => [name, value])).toEqual([
    ["prefer", "count=exact"],
  ]);
  expect(sent[0]?.userToken).toBeUndefined();
  expect(JSON.stringify(sent[0]?.headers)).not.toContain("placeholder");
});

it.each<[string, BodyInit]>([
  ["a string", "text"],
  ["a Blob", new Blob(["text"])],
  ["an ArrayBuffer", new TextEncoder().encode("text").buffer],
])("sends a body that is %s", async (_kind, content) => {
  const { fetch, sent } = project();
  await fetch(`${ORIGIN}/rest/v1/orders`, { method: "POST", body: content });
  expect(sent[0]?.method).toBe(HttpMethod.POST);
  expect(new TextDecoder().decode(sent[0]?.body)).toBe("text");
});

it("sends a form with the boundary of its content type", async () => {
  const form = new FormData();
  form.set("file", new Blob(["content"]), "a.txt");
  const { fetch, sent } = project();
  await fetch(`${ORIGIN}/storage/v1/object/photos/a.txt`, { method: "POST", body: form });
  const type = sent[0]?.headers.find(({ name }) => name === "content-type")?.value ?? "";
  const boundary = /^multipart\/form-data; ?boundary=(.+)$/.exec(type)?.[1];
  expect(boundary).toBeDefined();
  expect(new TextDecoder().decode(sent[0]?.body)).toContain(`--${boundary}`);
});

it.each([
  ["public", []],
  ["warehouse", ["warehouse"]],
])("leaves the schema %s to the connection only if it is the default", async (schema, named) => {
  const { fetch, sent } = project();
  for (const name of ["accept-profile", "content-profile"]) {
    sent.length = 0;
    await fetch(`${ORIGIN}/rest/v1/t`, { headers: { [name]: schema } });
    expect(sent[0]?.headers.map(({ value }) => value)).toEqual(named);
  }
});

it("takes a Request, with its method, headers and body", async () => {
  const { fetch, sent } = project();
  const headers = { ...KEYS, accept: "text/csv" };
  await fetch(new Request(`${ORIGIN}/rest/v1/t`, { method: "PATCH", headers, body: "{}" }));
  expect(sent[0]).toMatchObject({ method: HttpMethod.PATCH, path: ["t"] });
  expect(sent[0]?.headers.find(({ name }) => name === "accept")?.value).toBe("text/csv");
  expect(new TextDecoder().decode(sent[0]?.body)).toBe("{}");
});

it("refuses a body over 3 MiB without sending it", async () => {
  const { fetch, sent } = project();
  const url = `${ORIGIN}/storage/v1/object/a/b`;
  const large = await fetch(url, { method: "POST", body: new Uint8Array(3 * 1024 * 1024 + 1) });
  expect(large.status).toBe(413);
  expect(sent).toEqual([]);
  const fits = await fetch(url, { method: "POST", body: new Uint8Array(3 * 1024 * 1024) });
  expect(fits.status).toBe(200);
});

it("passes the session's token on if asked, and never the placeholder", async () => {
  const { fetch, sent } = project(ok, { userToken: "session" });
  await fetch(`${ORIGIN}/rest/v1/t`, { headers: KEYS });
  await fetch(`${ORIGIN}/rest/v1/t`, { headers: { ...KEYS, authorization: "Bearer session" } });
  expect(sent.map(({ userToken }) => userToken)).toEqual([undefined, "session"]);
});

it("passes on the token that a function returns", async () => {
  const { fetch, sent } = project(ok, { userToken: async () => "theirs" });
  await fetch(`${ORIGIN}/rest/v1/t`, { headers: KEYS });
  expect(sent[0]?.userToken).toBe("theirs");
});

it("answers with the project's status, headers and body", async () => {
  const { fetch } = project();
  const response = await fetch(`${ORIGIN}/rest/v1/orders`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-range")).toBe("0-1/2");
  expect(await response.json()).toEqual([{ id: 1 }, { id: 2 }]);
});

it("leaves an error that the project answered with as it is, and reports Postern's hint", async () => {
  const hints: string[] = [];
  const denied = '{"code":"42501","message":"permission denied","details":null,"hint":null}';
  const { fetch } = project(
    async function* () {
      yield head(403, { "content-type": "application/json" });
      yield body(denied);
      yield answered("GRANT SELECT ON orders TO anon");
    },
    { onHint: (hint) => hints.push(hint) },
  );
  const response = await fetch(`${ORIGIN}/rest/v1/orders`);
  expect(response.headers.has("x-postern-error")).toBe(false);
  expect(await response.text()).toBe(denied);
  expect(hints).toEqual(["GRANT SELECT ON orders TO anon"]);
});

it("streams the body: a part can be read before the next one is sent", async () => {
  let sendRest = () => {};
  const rest = new Promise<void>((resolve) => {
    sendRest = resolve;
  });
  const { fetch } = project(async function* () {
    yield head(200);
    yield body("first");
    await rest;
    yield body("second");
    yield answered();
  });
  const response = await fetch(`${ORIGIN}/rest/v1/t`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect(await reader?.read()).toEqual({ done: false, value: "first" });
  sendRest();
  expect(await reader?.read()).toEqual({ done: false, value: "second" });
  expect((await reader?.read())?.done).toBe(true);
});

it("asks for no more of the body than is read", async () => {
  let sent = 0;
  const forward: Postern["forward"] = async function* () {
    yield { kind: "head", status: 200, headers: [] };
    for (; ; sent += 1) yield { kind: "body", bytes: new Uint8Array(1) };
  };
  const response = await posternFetch({ forward }, "shop")(`${ORIGIN}/rest/v1/t`);
  const reader = response.body?.getReader();
  await reader?.read();
  // Long enough for a stream that reads ahead to do so: it only has to run its microtasks.
  await new Promise((resolve) => setTimeout(resolve));
  expect(sent).toBe(0);
  await reader?.read();
  expect(sent).toBe(1);
});

it.each([
  ["HEAD", 200],
  ["DELETE", 204],
  ["GET", 304],
])("answers %s with %i without a body", async (method, status) => {
  const { fetch } = project(async function* () {
    yield head(status, { "content-range": "*/7" });
    yield answered();
  });
  const response = await fetch(`${ORIGIN}/rest/v1/t`, { method });
  expect(response.status).toBe(status);
  expect(response.body).toBeNull();
  expect(response.headers.get("content-range")).toBe("*/7");
});

it("answers an error of Postern in PostgREST's shape, for HEAD too", async () => {
  const hint = { hint: "Call it with { get: true }." };
  const error = refusal(Code.FailedPrecondition, "READ_ONLY", "the connection is read-only", hint);
  for (const method of ["POST", "HEAD"]) {
    const response = await project(failing(error)).fetch(`${ORIGIN}/rest/v1/rpc/f`, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get("x-postern-error")).toBe("READ_ONLY");
    expect(await response.json()).toEqual({
      code: "READ_ONLY",
      message: "the connection is read-only",
      details: null,
      hint: "Call it with { get: true }.",
    });
  }
});

it.each([
  [Code.NotFound, "CONNECTION_NOT_FOUND", 404],
  [Code.FailedPrecondition, "SERVICE_DISABLED", 403],
  [Code.FailedPrecondition, "ADDRESS_REFUSED", 502],
  [Code.ResourceExhausted, "RESPONSE_TOO_LARGE", 502],
  [Code.ResourceExhausted, "POOL_BUSY", 429],
  [Code.Unavailable, "TENANT_UNREACHABLE", 502],
  [Code.Unavailable, "DEPENDENCY_UNAVAILABLE", 503],
  [Code.DeadlineExceeded, "QUERY_TIMEOUT", 504],
  [Code.Unauthenticated, "TOKEN_EXPIRED", 401],
])("answers %s %s with status %i", async (code, reason, status) => {
  const { fetch } = project(failing(refusal(code, reason, "no")));
  expect((await fetch(`${ORIGIN}/rest/v1/t`)).status).toBe(status);
});

it("names the code of an error without a reason", async () => {
  const { fetch } = project(failing(new ConnectError("no", Code.DeadlineExceeded)));
  expect((await (await fetch(`${ORIGIN}/rest/v1/t`)).json()).code).toBe("DEADLINE_EXCEEDED");
});

it("rejects as fetch does when Postern cannot be reached", async () => {
  const unreachable = new TypeError("Failed to fetch");
  const postern = createPosternClient({
    baseUrl: "http://postern.invalid",
    token: () => "token",
    fetch: async () => {
      throw unreachable;
    },
  });
  await expect(posternFetch(postern, "shop")(`${ORIGIN}/rest/v1/t`)).rejects.toBe(unreachable);
});

it("fails the body when the answer breaks off", async () => {
  const { fetch } = project(async function* () {
    yield head(200);
    yield body("half");
    throw refusal(Code.ResourceExhausted, "RESPONSE_TOO_LARGE", "too large");
  });
  const response = await fetch(`${ORIGIN}/rest/v1/t`);
  await expect(response.text()).rejects.toMatchObject({ reason: "RESPONSE_TOO_LARGE" });
});

it("fails the body when the answer ends without a summary", async () => {
  const { fetch } = project(async function* () {
    yield head(200);
    yield body("half");
  });
  const response = await fetch(`${ORIGIN}/rest/v1/t`);
  await expect(response.text()).rejects.toMatchObject({ code: Code.DataLoss });
});

it("rejects with the signal's reason, before and during the call", async () => {
  const { fetch, sent } = project(async function* (_request, context) {
    yield await untilCancelled(context);
  });
  const url = `${ORIGIN}/rest/v1/t`;
  await expect(fetch(url, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: "AbortError",
  });
  expect(sent).toEqual([]);

  const abort = new AbortController();
  const pending = fetch(url, { signal: abort.signal });
  abort.abort();
  await expect(pending).rejects.toBe(abort.signal.reason);
  expect(abort.signal.reason).toMatchObject({ name: "AbortError" });
});

/** A body that never ends, and whether the server was told to stop it. */
function endless() {
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const { fetch } = project(async function* (_request, context) {
    context.signal.addEventListener("abort", stop);
    yield head(200);
    yield body("first");
    yield await untilCancelled(context);
  });
  return { fetch, stopped };
}

it("stops the body and the call when the signal aborts while it is read", async () => {
  const { fetch, stopped } = endless();
  const abort = new AbortController();
  const response = await fetch(`${ORIGIN}/rest/v1/t`, { signal: abort.signal });
  const text = response.text();
  abort.abort();
  await expect(text).rejects.toBe(abort.signal.reason);
  await stopped;
});

it("stops the call when the body is cancelled", async () => {
  const { fetch, stopped } = endless();
  const reader = (await fetch(`${ORIGIN}/rest/v1/t`)).body?.getReader();
  await reader?.read();
  const pending = reader?.read();
  await reader?.cancel();
  await stopped;
  expect((await pending)?.done).toBe(true);
});
