import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

/** The contents of every file under a folder, by relative path. */
function filesUnder(folder: string, top = folder): Map<string, string> {
  const files = new Map<string, string>();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory())
      for (const entry of filesUnder(path, top)) files.set(...entry);
    else files.set(relative(top, path), readFileSync(path, "utf8"));
  }
  return files;
}

it("the committed code matches the protos", () => {
  const scratch = mkdtempSync(join(tmpdir(), "postern-gen-"));
  try {
    execFileSync("node_modules/.bin/buf", ["generate", "--output", scratch], { cwd: root });
    const fresh = filesUnder(join(scratch, "packages/client/src/gen"));
    expect(fresh.size).toBeGreaterThan(2);
    expect(filesUnder(join(root, "packages/client/src/gen"))).toEqual(fresh);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}, 60_000);
