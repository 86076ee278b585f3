import { createPosternClient } from "@postern/client";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { token } from "./token";

// Same origin in development, because Vite forwards the calls; set VITE_POSTERN_URL for another one.
const baseUrl: string = import.meta.env.VITE_POSTERN_URL ?? window.location.origin;
const postern = createPosternClient({ baseUrl, token });

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <App postern={postern} />
  </StrictMode>,
);
