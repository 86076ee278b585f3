import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const SERVER = process.env.POSTERN_SERVER ?? "http://127.0.0.1:8080";
const forwarded = ["/postern.connection.v1", "/postern.proxy.v1", "/dev/token"];
// The development server gives tokens only to requests that name it as their host.
const proxy = Object.fromEntries(
  forwarded.map((path) => [path, { target: SERVER, changeOrigin: true }]),
);

export default defineConfig({
  plugins: [react()],
  // Only in this repository: uses the client's sources, so that it needs no build first.
  resolve: { conditions: ["postern-source", "module", "browser", "development|production"] },
  server: { proxy },
  preview: { proxy },
});
