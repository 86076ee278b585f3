import { createPosternTransport } from "@postern/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { Session } from "./features/sign-in/session";
import { preferredLanguage, startI18n } from "./i18n";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

const i18n = await startI18n(preferredLanguage(window.localStorage, navigator.languages));
const fetcher: typeof fetch = (...request) => window.fetch(...request);

createRoot(root).render(
  <StrictMode>
    <App
      platform={{
        i18n,
        fetch: fetcher,
        session: new Session({ fetch: fetcher, storage: window.sessionStorage, now: Date.now }),
        transport: (token) => createPosternTransport({ baseUrl: window.location.origin, token }),
      }}
    />
  </StrictMode>,
);
