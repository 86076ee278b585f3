import react from "@vitejs/plugin-react";
import { defaultClientConditions, defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

/** The server that API requests are forwarded to; `cargo xtask up` starts one at this address. */
const SERVER = process.env.POSTERN_SERVER ?? "http://127.0.0.1:8080";

const forwarded = ["/postern.connection.v1", "/postern.proxy.v1", "/dev/token", "/config.json"];

export default defineConfig({
  plugins: [react()],
  // The console and the tests use the client's sources, so that it needs no build of its own first.
  resolve: { conditions: ["postern-source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["postern-source", ...defaultServerConditions] } },
  server: { proxy: proxyTo(SERVER) },
  preview: { proxy: proxyTo(SERVER) },
  build: {
    target: "es2022",
    // Data URLs would need `font-src data:` and `img-src data:` in the content security policy.
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: "editor",
              test: /node_modules[\\/](@codemirror|@lezer|style-mod|crelt|w3c-keyname)/,
            },
            { name: "react", test: /node_modules[\\/](react|react-dom|scheduler)[\\/]/ },
            { name: "ui", test: /node_modules[\\/](@mantine|@floating-ui)/ },
          ],
        },
      },
    },
  },
  test: {
    reporters: ["default", "./vitest.reporter.ts"],
    // Far longer than any test takes by itself: the machine may be busy with others.
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "console",
          environment: "jsdom",
          setupFiles: ["src/testing/setup.ts"],
          testTimeout: 20_000,
          include: ["src/**/*.test.{ts,tsx}"],
          css: { modules: { classNameStrategy: "non-scoped" } },
        },
      },
      {
        extends: true,
        test: {
          name: "session",
          environment: "jsdom",
          include: ["packages/session/**/*.test.{ts,tsx}"],
        },
      },
      {
        extends: true,
        test: { name: "client", environment: "node", include: ["packages/client/**/*.test.ts"] },
      },
    ],
  },
});

function proxyTo(target: string) {
  return Object.fromEntries(forwarded.map((path) => [path, { target, changeOrigin: true }]));
}
