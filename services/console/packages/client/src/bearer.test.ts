import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it, vi } from "vitest";
import { bearer, type ServiceName, type TokenProvider } from "./bearer.js";
import { createPosternClient } from "./client.js";
import { toPosternError } from "./errors.js";
import { ConnectionService } from "./gen/postern/connection/v1/connection_pb.js";
import { ProxyService } from "./gen/postern/proxy/v1/proxy_pb.js";
import { header, refusal, summary } from "./testing/messages.js";

const unauthenticated = () => refusal(Code.Unauthenticated, "UNAUTHENTICATED", "no valid token");

/** A Postern that accepts one token, and counts calls. */
function posternFor(accepted: string, token: TokenProvider) {
  const calls: (string | null)[] = [];
  let onQuery = async function* () {
    yield header([]);
    yield summary(0);
  };
  const check = (headers: Headers) => {
    calls.push(headers.get("authorization"));
    if (headers.get("authorization") !== `Bearer ${accepted}`) throw unauthenticated();
  };
  const transport = createRouterTransport(
    (router) => {
      router.service(ConnectionService, {
        listConnections: (_request, { requestHeader }) => {
          check(requestHeader);
          return {};
        },
      });
      router.service(ProxyService, {
        async *query(_request, { requestHeader }) {
          check(requestHeader);
          yield* onQuery();
        },
      });
    },
    { transport: { interceptors: [bearer(token)] } },
  );
  const set = (handler: typeof onQuery) => {
    onQuery = handler;
  };
  return { client: createPosternClient({ transport }), calls, set };
}

const renewing = () =>
  vi.fn((refused?: string, _service?: ServiceName) => (refused === undefined ? "old" : "new"));

describe("a token that Postern refuses", () => {
  it("is renewed, and a call is sent again once", async () => {
    const token = renewing();
    const { client, calls } = posternFor("new", token);
    await client.connections.list();
    expect(calls).toEqual(["Bearer old", "Bearer new"]);
    const service = "connection-service";
    expect(token.mock.calls).toEqual([
      [undefined, service],
      ["old", service],
    ]);
  });

  it("is renewed, and a stream is sent again once", async () => {
    const { client, calls } = posternFor("new", renewing());
    await client.query("shop", "select 1").all();
    expect(calls).toEqual(["Bearer old", "Bearer new"]);
  });

  it("is not tried twice if the new one is refused too", async () => {
    const { client, calls } = posternFor("another", renewing());
    const error = await client.query("shop", "select 1").all().catch(toPosternError);
    expect(error).toMatchObject({ code: Code.Unauthenticated });
    expect(calls).toHaveLength(2);
  });

  it("is not tried again if the provider has no other", async () => {
    const { client, calls } = posternFor("new", () => "old");
    await expect(client.connections.list()).rejects.toMatchObject({ code: Code.Unauthenticated });
    expect(calls).toHaveLength(1);
  });
});

it("a token is asked for with the service that it is for", async () => {
  const { client, calls, set } = posternFor("any", (_refused, service) => service ?? "none");
  set(async function* () {
    yield summary(0);
  });
  await client.connections.list().catch(() => {});
  await client
    .query("shop", "select 1")
    .all()
    .catch(() => {});
  expect(calls).toEqual(["Bearer connection-service", "Bearer proxy-service"]);
});

describe("a statement that may have run", () => {
  it("is never sent again, whatever the error says", async () => {
    const { client, calls, set } = posternFor("old", renewing());
    set(async function* () {
      yield header([]);
      throw unauthenticated();
    });
    await expect(client.query("shop", "delete from t").all()).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    expect(calls).toHaveLength(1);
  });

  it("is not sent again after an error that is not Postern's own", async () => {
    const { client, calls, set } = posternFor("old", renewing());
    // biome-ignore lint/correctness/useYield: it fails before it has anything to yield
    set(async function* () {
      throw new ConnectError("from a gateway", Code.Unauthenticated);
    });
    await expect(client.query("shop", "delete from t").all()).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
    expect(calls).toHaveLength(1);
  });
});

describe("a token provider that fails", () => {
  it("makes the call unauthenticated", async () => {
    const { client, calls } = posternFor("new", () => Promise.reject(new Error("signed out")));
    const error = await client.connections.list().catch(toPosternError);
    expect(error).toMatchObject({ code: Code.Unauthenticated, message: "signed out" });
    expect(calls).toEqual([]);
  });

  it("makes the call unavailable if it cannot reach its server", async () => {
    const { client } = posternFor("new", () => Promise.reject(new TypeError("Failed to fetch")));
    const error = await client.connections.list().catch(toPosternError);
    expect(error).toMatchObject({ code: Code.Unavailable, networkFailure: true });
  });
});
