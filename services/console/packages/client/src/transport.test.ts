import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { afterEach, expect, it, vi } from "vitest";
import { toPosternError } from "./errors.js";
import {
  ConnectionService,
  GetConnectionResponseSchema,
} from "./gen/postern/connection/v1/connection_pb.js";
import { ProxyService } from "./gen/postern/proxy/v1/proxy_pb.js";
import { createPosternTransport } from "./transport.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A gRPC-web frame: a flag byte (0 for a message, 0x80 for trailers), a 32-bit length, then the content. */
function frame(flags: number, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const framed = new Uint8Array(5 + content.length);
  framed[0] = flags;
  new DataView(framed.buffer).setUint32(1, content.length);
  framed.set(content, 5);
  return framed;
}

function trailersOnly(text: string): Uint8Array<ArrayBuffer> {
  return frame(0x80, new TextEncoder().encode(text));
}

async function failedQuery(response: Response) {
  const sent: Headers[] = [];
  vi.stubGlobal("fetch", async (_url: string, init: RequestInit) => {
    sent.push(new Headers(init.headers));
    return response;
  });
  const options = { baseUrl: "http://postern", token: async () => "token" };
  const client = createClient(ProxyService, createPosternTransport(options));
  try {
    for await (const _ of client.query({ connection: "demo", sql: "select 1" }));
  } catch (thrown) {
    return { error: toPosternError(thrown), sent };
  }
  throw new Error("the query succeeded");
}

it.each([
  ["trailers", trailersOnly("grpc-status: 13\r\ngrpc-message: failed\r\n"), {}],
  ["headers", null, { "grpc-status": "13", "grpc-message": "failed" }],
])("an error in the %s carries the response's request ID", async (_where, body, status) => {
  const headers = { "content-type": "application/grpc-web+proto", "x-request-id": "4f1c" };
  const { error } = await failedQuery(new Response(body, { headers: { ...headers, ...status } }));
  expect(error).toMatchObject({ code: Code.Internal, message: "failed", requestId: "4f1c" });
});

it("requests carry the user's token and no request ID", async () => {
  const { sent } = await failedQuery(new Response(null, { status: 503 }));
  expect(sent).toHaveLength(1);
  expect(sent[0]?.get("authorization")).toBe("Bearer token");
  expect(sent[0]?.has("x-request-id")).toBe(false);
});

const OK = trailersOnly("grpc-status: 0\r\n");
const SHOP = toBinary(
  GetConnectionResponseSchema,
  create(GetConnectionResponseSchema, { connection: { name: "shop" } }),
);

/** Gets a connection from a server that answers with these frames. */
async function got(...frames: Uint8Array<ArrayBuffer>[]) {
  const headers = { "content-type": "application/grpc-web+proto" };
  const transport = createPosternTransport({
    baseUrl: "http://postern",
    token: () => "token",
    fetch: async () => new Response(new Blob(frames), { headers }),
  });
  return createClient(ConnectionService, transport).getConnection({ name: "shop" });
}

it("a unary call returns the one message before the trailers", async () => {
  expect((await got(frame(0, SHOP), OK)).connection?.name).toBe("shop");
});

it.each([
  ["without trailers", [frame(0, SHOP)]],
  ["without a message", [OK]],
  ["with two messages", [frame(0, SHOP), frame(0, SHOP), OK]],
  ["with data after the trailers", [OK, frame(0, SHOP)]],
  ["that is compressed", [frame(1, SHOP), OK]],
  ["cut short", [frame(0, SHOP).subarray(0, 8)]],
])("a response %s is an error", async (_how, frames) => {
  await expect(got(...frames)).rejects.toThrow();
});

it("an error in the trailers of a unary call is thrown, even after a message", async () => {
  const failed = trailersOnly("grpc-status: 5\r\ngrpc-message: no such connection\r\n");
  await expect(got(frame(0, SHOP), failed)).rejects.toMatchObject({ code: Code.NotFound });
});

it("a proxy's error page is an error with the code of its status", async () => {
  const { error } = await failedQuery(new Response("<html>", { status: 503 }));
  expect(error.code).toBe(Code.Unavailable);
});
