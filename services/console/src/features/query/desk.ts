import type { Postern, PosternError } from "../../client";
import type { ParameterDraft } from "./parameters";
import { Run } from "./run";

export const DEFAULT_LIMIT = 10_000;

/** The demo tenant's tables: a query worth looking at before one has written any. */
const DEMO_QUERY = `select o.id, c.name as customer, p.name as product,
       o.quantity, o.total, o.status, o.placed_at
  from orders o
  join customers c on c.id = o.customer_id
  join products p on p.id = o.product_id
 order by o.placed_at desc
 limit 200`;

/** Works on any Postgres, and shows what there is to ask about. */
const FIRST_QUERY = `select table_schema, table_name, table_type
  from information_schema.tables
 where table_schema not in ('pg_catalog', 'information_schema')
 order by table_schema, table_name`;

export interface Draft {
  sql: string;
  parameters: readonly ParameterDraft[];
  limit: number;
}

/** What lies open for one connection: a statement being written, and the run of the last one. */
export class Desk {
  readonly run: Run;
  draft: Draft;

  constructor(connection: string, run: Run) {
    this.run = run;
    this.draft = { sql: starterFor(connection), parameters: [], limit: DEFAULT_LIMIT };
  }
}

function starterFor(connection: string): string {
  return connection === "demo" ? DEMO_QUERY : FIRST_QUERY;
}

/** The desks of one signed-in user. They live in memory alone: what people query is their own affair. */
export class Desks {
  private readonly desks = new Map<string, Desk>();
  private readonly postern: Postern;
  private readonly onFailure: (error: PosternError) => void;

  constructor(postern: Postern, onFailure: (error: PosternError) => void) {
    this.postern = postern;
    this.onFailure = onFailure;
  }

  of(connection: string): Desk {
    let desk = this.desks.get(connection);
    if (desk === undefined) {
      desk = new Desk(connection, new Run({ postern: this.postern, onFailure: this.onFailure }));
      this.desks.set(connection, desk);
    }
    return desk;
  }

  clear(connection: string): void {
    this.desks.get(connection)?.run.cancel();
    this.desks.delete(connection);
  }

  cancelAll(): void {
    for (const desk of this.desks.values()) desk.run.cancel();
  }
}
