import type { Client } from "@connectrpc/connect";
import { withPosternError } from "./errors.js";
import type { ConnectionService } from "./gen/postern/connection/v1/connection_pb.js";
import { cancellable } from "./streams.js";

/** What was deleted. */
export interface ErasedData {
  /** The names of the deleted connections. */
  connections: string[];
  /** The numbers of the user's rows in each table, before and after. */
  tables: { table: string; rowsBefore: bigint; rowsAfter: bigint }[];
}

/** Everything that Postern stores about the signed-in user. Every method throws only PosternError. */
export class UserData {
  private readonly client: Client<typeof ConnectionService>;

  constructor(client: Client<typeof ConnectionService>) {
    this.client = client;
  }

  /** A JSON document, without passwords and keys. The operations guide describes its format. */
  async export(signal?: AbortSignal): Promise<string> {
    const decoder = new TextDecoder();
    let json = "";
    for await (const { part } of cancellable(
      (abort) => this.client.exportData({}, { signal: abort }),
      signal,
    )) {
      json += decoder.decode(part, { stream: true });
    }
    return json + decoder.decode();
  }

  /** Deletes everything stored about the user: all of it, or nothing if this throws. */
  async erase(): Promise<ErasedData> {
    const { connections, tables } = await withPosternError(
      this.client.eraseData({ confirm: true }),
    );
    const counts = tables.map(({ table, rowsBefore, rowsAfter }) => ({
      table,
      rowsBefore,
      rowsAfter,
    }));
    return { connections, tables: counts };
  }
}
