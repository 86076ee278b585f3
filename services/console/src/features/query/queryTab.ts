import type { ParameterDraft } from "./parameters";
import type { Run } from "./run";

export const DEFAULT_LIMIT = 10_000;

/** Shown first for the demo connection; uses the demo database's tables. */
const DEMO_QUERY = `select o.id, c.name as customer, p.name as product,
       o.quantity, o.total, o.status, o.placed_at
  from orders o
  join customers c on c.id = o.customer_id
  join products p on p.id = o.product_id
 order by o.placed_at desc
 limit 200`;

/** Shown first for any other connection; lists the tables of any Postgres database. */
const FIRST_QUERY = `select table_schema, table_name, table_type
  from information_schema.tables
 where table_schema not in ('pg_catalog', 'information_schema')
 order by table_schema, table_name`;

export interface Draft {
  sql: string;
  parameters: readonly ParameterDraft[];
  limit: number;
}

/** The open query of one connection: its draft and its last run. */
export class QueryTab {
  readonly run: Run;
  draft: Draft;

  constructor(connection: string, run: Run, draft?: Draft) {
    this.run = run;
    this.draft = draft ?? { sql: starterFor(connection), parameters: [], limit: DEFAULT_LIMIT };
  }
}

function starterFor(connection: string): string {
  return connection === "demo" ? DEMO_QUERY : FIRST_QUERY;
}
