import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import type { TokenSource } from "../client";
import { bearer } from "../client/auth";
import { ErrorInfoSchema } from "../client/gen/google/rpc/error_details_pb";
import {
  type Connection,
  ConnectionSchema,
  ConnectionService,
  type DeleteConnectionRequest,
  type UpsertConnectionRequest,
} from "../client/gen/postern/connection/v1/connection_pb";
import {
  ProxyService,
  type QueryRequest,
  type QueryResponseSchema,
} from "../client/gen/postern/proxy/v1/proxy_pb";

type Part = MessageInitShape<typeof QueryResponseSchema>;
type QueryHandler = (request: QueryRequest, context: HandlerContext) => AsyncIterable<Part>;

/** An in-memory Postern for one user: real messages, no network. */
export class Backend {
  readonly upserts: UpsertConnectionRequest[] = [];
  readonly deletes: DeleteConnectionRequest[] = [];
  readonly queries: QueryRequest[] = [];
  readonly authorizations: (string | null)[] = [];
  readonly stored: Connection[] = [];
  /** If set, calls of this kind fail with it. */
  listFault: ConnectError | null = null;
  upsertFault: ConnectError | null = null;
  onQuery: QueryHandler = async function* () {
    yield header([]);
    yield summary(0);
  };

  readonly transport = (tokens: TokenSource): Transport =>
    createRouterTransport((router) => this.routes(router), {
      transport: { interceptors: [bearer(tokens)] },
    });

  save(name: string, postgres: object = {}, version = 3n): Connection {
    const connection = create(ConnectionSchema, {
      name,
      version,
      endpoint: {
        case: "postgres",
        value: {
          host: "db.example.com",
          port: 5432,
          database: "shop",
          user: "reader",
          ...postgres,
        },
      },
    });
    this.stored.splice(
      0,
      this.stored.length,
      ...this.stored.filter((known) => known.name !== name),
    );
    this.stored.push(connection);
    return connection;
  }

  private routes(router: ConnectRouter) {
    router.service(ConnectionService, {
      listConnections: (_request, context) => {
        this.authorizations.push(context.requestHeader.get("authorization"));
        if (this.listFault) throw this.listFault;
        return { connections: this.stored };
      },
      upsertConnection: (request) => {
        this.upserts.push(request);
        if (this.upsertFault) throw this.upsertFault;
        if (request.endpoint.case !== "postgres") throw new ConnectError("postgres only");
        return { connection: this.save(request.name, request.endpoint.value) };
      },
      deleteConnection: (request) => {
        this.deletes.push(request);
        this.stored.splice(
          0,
          this.stored.length,
          ...this.stored.filter((c) => c.name !== request.name),
        );
        return {};
      },
    });
    const backend = this;
    router.service(ProxyService, {
      async *query(request, context) {
        backend.queries.push(request);
        yield* backend.onQuery(request, context);
      },
    });
  }
}

export function refusal(
  code: Code,
  reason: string,
  message: string,
  metadata: Record<string, string> = {},
) {
  const value = { reason, domain: "postern", metadata };
  return new ConnectError(message, code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

type HeaderPart = Extract<NonNullable<Part["part"]>, { case: "header" }>;
type BatchPart = Extract<NonNullable<Part["part"]>, { case: "batch" }>;

export function header(columns: NonNullable<HeaderPart["value"]["columns"]>): Part {
  return { part: { case: "header", value: { columns } } };
}

export function batch(rowCount: number, columns: NonNullable<BatchPart["value"]["columns"]>): Part {
  return { part: { case: "batch", value: { rowCount, columns } } };
}

export function summary(rowCount: number, truncation = 0, role = "reader"): Part {
  const value = { rowCount: BigInt(rowCount), commandTag: `SELECT ${rowCount}`, truncation, role };
  return { part: { case: "summary", value } };
}

/** Never returns; fails when the caller cancels, like a long-running statement. */
export async function untilCancelled({ signal }: HandlerContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new ConnectError("cancelled", Code.Canceled)));
  });
}
