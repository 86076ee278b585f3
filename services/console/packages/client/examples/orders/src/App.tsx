import type { Postern } from "@postern/client";
import { useState } from "react";
import { Orders } from "./Orders";
import { Settings } from "./Settings";

/** Where the name of the connection is kept. It is no secret; the keys are in Postern. */
const NAME = "connection";

export function App({ postern }: { postern: Postern }) {
  const [page, setPage] = useState<"orders" | "settings">("orders");
  const [connection, setConnection] = useState(() => localStorage.getItem(NAME) ?? "orders");

  const use = (name: string) => {
    localStorage.setItem(NAME, name);
    setConnection(name);
    setPage("orders");
  };

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
        <Orders postern={postern} connection={connection} />
      ) : (
        <Settings postern={postern} connection={connection} onSaved={use} />
      )}
    </main>
  );
}
