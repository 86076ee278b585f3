import { Code, createClient } from "@connectrpc/connect";
import { afterEach, expect, it, vi } from "vitest";
import { toPosternError } from "./errors.js";
import { ProxyService } from "./gen/postern/proxy/v1/proxy_pb.js";
import { createPosternTransport } from "./transport.js";

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A gRPC-web response body that holds only trailers: a flag byte, a 32-bit length, then the text. */
function trailersOnly(text: string): Uint8Array<ArrayBuffer> {
  const trailers = new TextEncoder().encode(text);
  const body = new Uint8Array(5 + trailers.length);
  body[0] = 0x80;
  new DataView(body.buffer).setUint32(1, trailers.length);
  body.set(trailers, 5);
  return body;
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
