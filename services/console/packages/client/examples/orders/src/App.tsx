import type { Postern } from "@postern/client";
import { useState } from "react";
import { Orders } from "./Orders";
import { Settings } from "./Settings";

/** The connection's name in Postern. Each user has one of their own under this name. */
const CONNECTION = "orders";

export function App({ postern }: { postern: Postern }) {
  const [page, setPage] = useState<"orders" | "settings">("orders");
  return (
    <main>
      <nav>
        <button type="button" onClick={() => setPage("orders")}>
          Orders
        </button>
        <button type="button" onClick={() => setPage("settings")}>
          Settings
        </button>
      </nav>
      {page === "orders" ? (
        <Orders postern={postern} connection={CONNECTION} />
      ) : (
        <Settings postern={postern} connection={CONNECTION} onSaved={() => setPage("orders")} />
      )}
    </main>
  );
}
