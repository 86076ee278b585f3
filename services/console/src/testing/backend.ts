import { create } from "@bufbuild/protobuf";
import {
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import type { TokenProvider } from "@postern/client";
import {
  bearer,
  type Connection,
  ConnectionSchema,
  ConnectionService,
  type DeleteConnectionRequest,
  ProxyService,
  type QueryRequest,
  type UpsertConnectionRequest,
} from "@postern/client/protocol";
import { header, type ResultMessage, summary } from "@postern/client/testing";

export { batch, header, refusal, summary, untilCancelled } from "@postern/client/testing";

type QueryHandler = (
  request: QueryRequest,
  context: HandlerContext,
) => AsyncIterable<ResultMessage>;

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

  readonly transport = (token: TokenProvider): Transport =>
    createRouterTransport((router) => this.routes(router), {
      transport: { interceptors: [bearer(token)] },
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
