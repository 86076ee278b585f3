// Prints the size of the client with its dependencies, as an app that uses all of it would ship it.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const ENTRY = "virtual:everything";
const everything = `
  import * as client from "@postern/client";
  import * as rules from "@postern/client/rules";
  globalThis.everything = [client, rules];
`;

const { output } = await build({
  root: fileURLToPath(new URL("..", import.meta.url)),
  configFile: false,
  logLevel: "error",
  resolve: { conditions: ["postern-source"] },
  plugins: [
    {
      name: "everything",
      resolveId: (id) => (id === ENTRY ? id : undefined),
      load: (id) => (id === ENTRY ? everything : undefined),
    },
  ],
  build: { write: false, target: "es2022", rolldownOptions: { input: ENTRY } },
});
const code = output.map((chunk) => (chunk.type === "chunk" ? chunk.code : "")).join("");
console.log(`client.size ${(gzipSync(code).length / 1000).toFixed(1)} kB gzip`);
