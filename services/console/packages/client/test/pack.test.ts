import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";

const client = join(import.meta.dirname, "..");
const modules = join(client, "../../node_modules");

/** Packed as they are installed, so that the app is installed without a network. */
const dependencies = ["@bufbuild/protobuf", "@connectrpc/connect"];

function pack(folder: string, into: string): string {
  const flags = ["--ignore-scripts", "--silent", "--pack-destination", into];
  const name = execFileSync("npm", ["pack", folder, ...flags], { cwd: into, encoding: "utf8" });
  return join(into, name.trim());
}

/** An app in an empty folder, with the packed client installed. */
function scratchApp(folder: string): string {
  const app = join(folder, "app");
  mkdirSync(app);
  const tarballs = [client, ...dependencies.map((name) => join(modules, name))].map((from) =>
    pack(from, folder),
  );
  writeFileSync(join(app, "package.json"), '{"name":"app","private":true,"type":"module"}');
  const flags = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  execFileSync("npm", ["install", ...flags, ...tarballs], { cwd: app });
  copyFileSync(join(import.meta.dirname, "sample/sample.ts"), join(app, "sample.ts"));
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    typeRoots: [join(modules, "@types")],
    types: ["node"],
  };
  const include = ["sample.ts"];
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
  return app;
}

it("an app can install, type-check and run the packed client", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-pack-"));
  try {
    execFileSync("npm", ["run", "--silent", "build"], { cwd: client });
    const app = scratchApp(folder);
    const packed = readdirSync(join(app, "node_modules/@postern/client"));
    expect(packed.sort()).toEqual(["README.md", "dist", "package.json"]);
    execFileSync(join(modules, ".bin/tsc"), ["-p", app], { stdio: "pipe" });
    const output = execFileSync("node", ["sample.js"], { cwd: app, encoding: "utf8" });
    expect(JSON.parse(output)).toEqual({
      orders: [7],
      url: { ok: true, value: { url: "https://abc.supabase.co", ref: "abc" } },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 120_000);
