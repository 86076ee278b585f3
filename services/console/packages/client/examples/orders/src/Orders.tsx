import { type Postern, posternFetch } from "@postern/client";
import { createClient, type PostgrestError } from "@supabase/supabase-js";
import { useEffect, useMemo, useState } from "react";

interface Order {
  id: number;
  status: string;
  total: number;
}

/** Reads the table `orders` with supabase-js. Its key and its URL are placeholders: Postern has the real ones. */
export function Orders({ postern, connection }: { postern: Postern; connection: string }) {
  const supabase = useMemo(
    () =>
      createClient("https://project.invalid", "no-key", {
        global: { fetch: posternFetch(postern, connection) },
      }),
    [postern, connection],
  );
  const [orders, setOrders] = useState<Order[] | null>(null);
  const [error, setError] = useState<PostgrestError | null>(null);

  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      const query = supabase.from("orders").select("id, status, total").order("id");
      const answer = await query.abortSignal(abort.signal);
      if (abort.signal.aborted) return;
      setOrders(answer.data);
      setError(answer.error);
    };
    void read();
    return () => abort.abort();
  }, [supabase]);

  return (
    <section>
      <h1>Orders</h1>
      {error && (
        <p role="alert">
          {error.message} {error.hint}
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th>Number</th>
            <th>Status</th>
            <th>Total</th>
          </tr>
        </thead>
        <tbody>
          {orders?.map(({ id, status, total }) => (
            <tr key={id}>
              <td>{id}</td>
              <td>{status}</td>
              <td>{total}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
