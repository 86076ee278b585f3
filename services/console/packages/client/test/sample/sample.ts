// What an app does with the package, type-checked and run against the packed tarball.
import { createRouterTransport } from "@connectrpc/connect";
import { createPosternClient, PosternError, posternFetch } from "@postern/client";
import { Encoding, ProxyService } from "@postern/client/protocol";
import { parseProjectUrl } from "@postern/client/rules";

const transport = createRouterTransport((router) =>
  router.service(ProxyService, {
    async *query() {
      const columns = [{ name: "id", typeName: "int8", encoding: Encoding.INT }];
      const batch = { rowCount: 1, columns: [{ ints: [7n] }] };
      yield { header: { columns }, batch, summary: { rowCount: 1n } };
    },
    async *forward() {
      yield { part: { case: "head", value: { status: 200 } } };
      yield { part: { case: "body", value: new TextEncoder().encode("[7]") } };
      yield { part: { case: "summary", value: { byteCount: 3n } } };
    },
  }),
);

const postern = createPosternClient({ transport });
for await (const row of postern.query<{ id: bigint }>("main", "select id from t where id = $1", [
  7n,
])) {
  const id: bigint = row.id;
  if (id !== 7n) throw new PosternError(2, "wrong row");
}
const fetchOrders: typeof fetch = posternFetch(postern, "shop", { userToken: "session" });
const orders: unknown = await (await fetchOrders("https://project.invalid/rest/v1/t")).json();
const url = parseProjectUrl("https://supabase.com/dashboard/project/abc");
process.stdout.write(JSON.stringify({ orders, url }));
