import { createPosternTransport } from "@postern/client";
import { Session } from "@postern/session";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App";
import { preferredLanguage, startI18n } from "./i18n";
import { adoptVariables } from "./theme";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");

adoptVariables(document);
const i18n = await startI18n(preferredLanguage(window.localStorage, navigator.languages));
const session = new Session();

createRoot(root).render(
  <StrictMode>
    <App
      platform={{
        i18n,
        session,
        transport: (token) => createPosternTransport({ baseUrl: window.location.origin, token }),
      }}
    />
  </StrictMode>,
);
