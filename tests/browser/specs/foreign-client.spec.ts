import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import { environment } from "../environment";

const root = join(import.meta.dirname, "../../..");
const buf = join(root, "services/console/node_modules/.bin/buf");

/** Calls an RPC with buf, over gRPC-web, as anyone with the protos can from a terminal. */
async function call(method: string, message: object, token: string): Promise<string> {
  const request = ["--data", JSON.stringify(message), "--header", `authorization: Bearer ${token}`];
  const url = `${environment.url}/${method}`;
  const { stdout } = await promisify(execFile)(
    buf,
    ["curl", "--protocol", "grpcweb", "--schema", ".", ...request, url],
    { cwd: root },
  );
  return stdout;
}

test("a third-party client can sign in, save a connection and stream rows", async ({ request }) => {
  const answer = await request.post(`${environment.url}/dev/token`, { data: { user: "foreign" } });
  const { access_token: token } = await answer.json();
  const save = { name: "mine", postgresDsn: environment.tenantDsn };
  const saved = await call("postern.connection.v1.ConnectionService/UpsertConnection", save, token);
  expect(JSON.parse(saved).connection.name).toBe("mine");

  const query = { connection: "mine", sql: "select generate_series(1, 3) as n" };
  const streamed = await call("postern.proxy.v1.ProxyService/Query", query, token);
  expect(streamed).toContain('"typeName": "int4"');
  expect(streamed).toContain('"commandTag": "SELECT 3"');
});
