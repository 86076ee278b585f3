// What both issuers share: a public listener that can go down and come back on its port, and a control listener.
import { createServer } from "node:http";

/**
 * Starts both listeners, and says on standard error where they are: `ready PUBLIC CONTROL`. The public one is on the port
 * that the environment names, or on a free one.
 */
export async function serve(makeHandler, control) {
  const listener = await listen(createServer(), Number(process.env.PORT ?? 0));
  const { port } = listener.address();
  const handle = makeHandler(`http://127.0.0.1:${port}`);
  const open = new Set([listener]);
  listener.on("request", handle);
  const commands = {
    ...control,
    down: async () => {
      for (const server of open) {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
        open.delete(server);
      }
    },
    up: async () => {
      if (open.size === 0) open.add((await listen(createServer(), port)).on("request", handle));
    },
  };
  const controls = await listen(createServer((request, response) => run(commands, request, response)), 0);
  process.stderr.write(`ready ${port} ${controls.address().port}\n`);
}

function listen(server, port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** `POST /NAME` with a JSON body runs a command; its result is the answer. */
async function run(commands, request, response) {
  try {
    const command = commands[request.url.slice(1)];
    const result = await command(JSON.parse((await text(request)) || "null"));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(result ?? null));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}

export async function text(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}

/** Moves this process's clock: tokens are issued for the past or the future. */
export function clock() {
  const real = Date.now;
  let skew = 0;
  Date.now = () => real() + skew * 1000;
  return (seconds) => {
    skew = seconds;
  };
}
