import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { createPosternClient, PosternError } from "./index.js";
import { ConnectionService } from "./protocol.js";

type Service = Parameters<typeof createRouterTransport>[0];

const client = (routes: Service) =>
  createPosternClient({ transport: createRouterTransport(routes) }).userData;

it("joins the parts of the document, even inside a character", async () => {
  const document = '{"database":"läden 🦀"}';
  const bytes = new TextEncoder().encode(document);
  const userData = client((router) =>
    router.service(ConnectionService, {
      async *exportData() {
        for (const byte of bytes) yield { part: new Uint8Array([byte]) };
      },
    }),
  );
  expect(await userData.export()).toBe(document);
});

it("fails if the document does not arrive whole", async () => {
  const userData = client((router) =>
    router.service(ConnectionService, {
      async *exportData() {
        yield { part: new Uint8Array([123]) };
        throw new ConnectError("gone", Code.Unavailable);
      },
    }),
  );
  const failure = await userData.export().catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(PosternError);
});

it("confirms the deletion and returns what was deleted", async () => {
  const confirmed: boolean[] = [];
  const tables = [{ table: "connections", rowsBefore: 2n, rowsAfter: 0n }];
  const userData = client((router) =>
    router.service(ConnectionService, {
      eraseData: ({ confirm }) => {
        confirmed.push(confirm);
        return { tables, connections: ["main", "shop"] };
      },
    }),
  );
  expect(await userData.erase()).toEqual({ tables, connections: ["main", "shop"] });
  expect(confirmed).toEqual([true]);
});
