import { create } from "@bufbuild/protobuf";
import {
  ConnectError,
  type ConnectRouter,
  createRouterTransport,
  type HandlerContext,
  type Transport,
} from "@connectrpc/connect";
import { SecretName, SupabaseKeySort, type TokenProvider } from "@postern/client";
import {
  bearer,
  type Connection,
  ConnectionSchema,
  ConnectionService,
  type DeleteConnectionRequest,
  type ForwardRequest,
  ProxyService,
  type QueryRequest,
  type UpsertConnectionRequest,
} from "@postern/client/protocol";
import {
  type AnswerMessage,
  answered,
  body,
  head,
  header,
  type ResultMessage,
  summary,
} from "@postern/client/testing";

export {
  answered,
  batch,
  body,
  head,
  header,
  refusal,
  summary,
  untilCancelled,
} from "@postern/client/testing";

export const PROJECT_URL = "https://abcdefghijklmnopqrst.supabase.co";

const publishableKey = {
  name: SecretName.PUBLISHABLE_KEY,
  keySort: SupabaseKeySort.PUBLISHABLE,
  lastCharacters: "9xyz",
};

type QueryHandler = (
  request: QueryRequest,
  context: HandlerContext,
) => AsyncIterable<ResultMessage>;

type ForwardHandler = (
  request: ForwardRequest,
  context: HandlerContext,
) => AsyncIterable<AnswerMessage>;

/** An in-memory Postern for one user: real messages, no network. */
export class Backend {
  readonly upserts: UpsertConnectionRequest[] = [];
  readonly deletes: DeleteConnectionRequest[] = [];
  readonly queries: QueryRequest[] = [];
  readonly forwards: ForwardRequest[] = [];
  readonly authorizations: (string | null)[] = [];
  readonly stored: Connection[] = [];
  /** If set, calls of this kind fail with it. */
  listFault: ConnectError | null = null;
  upsertFault: ConnectError | null = null;
  exportFault: ConnectError | null = null;
  eraseFault: ConnectError | null = null;
  erasures = 0;
  onQuery: QueryHandler = async function* () {
    yield header([]);
    yield summary(0);
  };

  onForward: ForwardHandler = async function* () {
    yield head(200, { "content-type": "application/json" });
    yield body("[]");
    yield answered();
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
    this.put(connection);
    return connection;
  }

  saveProject(
    name: string,
    supabase: object = {},
    secrets: object[] = [publishableKey],
  ): Connection {
    const connection = create(ConnectionSchema, {
      name,
      version: 3n,
      endpoint: { case: "supabase", value: { url: PROJECT_URL, ...supabase } },
      secrets,
    });
    this.put(connection);
    return connection;
  }

  private put(connection: Connection): void {
    const others = this.stored.filter(({ name }) => name !== connection.name);
    this.stored.splice(0, this.stored.length, ...others, connection);
  }

  private routes(router: ConnectRouter) {
    const backend = this;
    router.service(ConnectionService, {
      listConnections: (_request, context) => {
        this.authorizations.push(context.requestHeader.get("authorization"));
        if (this.listFault) throw this.listFault;
        return { connections: this.stored };
      },
      upsertConnection: (request) => {
        this.upserts.push(request);
        if (this.upsertFault) throw this.upsertFault;
        const { case: kind, value } = request.endpoint;
        if (kind === "supabase") return { connection: this.saveProject(request.name, value) };
        if (kind !== "postgres") throw new ConnectError("no DSNs");
        return { connection: this.save(request.name, value) };
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
      async *exportData() {
        if (backend.exportFault) throw backend.exportFault;
        const names = backend.stored.map(({ name }) => name);
        yield { part: new TextEncoder().encode(JSON.stringify({ names })) };
      },
      eraseData: ({ confirm }) => {
        if (this.eraseFault) throw this.eraseFault;
        if (!confirm) throw new ConnectError("not confirmed");
        this.erasures += 1;
        const connections = this.stored.splice(0).map(({ name }) => name);
        return { connections };
      },
    });
    router.service(ProxyService, {
      async *query(request, context) {
        backend.queries.push(request);
        yield* backend.onQuery(request, context);
      },
      async *forward(request, context) {
        backend.forwards.push(request);
        yield* backend.onForward(request, context);
      },
    });
  }
}
