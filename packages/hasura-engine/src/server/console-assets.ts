import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** Files of npm packages that the console page loads, by the name they are served under. */
const PACKAGE_FILES = {
  "react.js": ["react", "umd/react.production.min.js"],
  "react-dom.js": ["react-dom", "umd/react-dom.production.min.js"],
  "graphiql.js": ["graphiql", "graphiql.min.js"],
  "graphiql.css": ["graphiql", "graphiql.min.css"],
} as const satisfies Record<string, readonly [string, string]>;

export type ConsoleAsset = { readonly type: string; readonly content: Buffer };

/** Undefined: no such file. */
export async function readConsoleAsset(name: string): Promise<ConsoleAsset | undefined> {
  if (name === "console.js") return { type: "text/javascript; charset=utf-8", content: Buffer.from(CONSOLE_SCRIPT) };
  const found = Object.entries(PACKAGE_FILES).find(([served]) => served === name)?.[1];
  if (found === undefined) return undefined;
  const [packageName, file] = found;
  const root = dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`));
  const type = name.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
  return { type, content: await readFile(join(root, file)) };
}

export const CONSOLE_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>GraphiQL</title>
    <link rel="stylesheet" href="/console/graphiql.css">
    <style>
      body { margin: 0; height: 100vh; display: flex; flex-direction: column; font-family: system-ui, sans-serif; }
      form { display: flex; gap: 8px; padding: 8px 12px; border-bottom: 1px solid #ddd; }
      form input { flex: 1; padding: 4px 8px; }
      #hint { margin: 0; padding: 8px 12px; background: #fff8e1; }
      #hint[hidden] { display: none; }
      #graphiql { flex: 1; min-height: 0; }
    </style>
  </head>
  <body>
    <form id="credentials" autocomplete="off">
      <label for="header">Send as</label>
      <select id="header">
        <option value="">nobody (unauthorized role)</option>
        <option value="authorization">Authorization: Bearer …</option>
        <option value="x-hasura-admin-secret">x-hasura-admin-secret</option>
      </select>
      <input id="value" type="password" placeholder="token or secret" aria-label="token or secret">
      <input id="role" placeholder="x-hasura-role (optional)" aria-label="role">
      <button type="submit">Apply</button>
    </form>
    <p id="hint">Nobody is signed in, so there is next to nothing to see. Give a token (<code>npm start</code> prints an address
      with one) or the admin secret above.</p>
    <div id="graphiql"></div>
    <script src="/console/react.js"></script>
    <script src="/console/react-dom.js"></script>
    <script src="/console/graphiql.js"></script>
    <script src="/console/console.js"></script>
  </body>
</html>
`;

/** Requests over HTTP, subscriptions over graphql-transport-ws; credentials live only in the page. */
const CONSOLE_SCRIPT = `"use strict";
(() => {
  const field = (id) => document.getElementById(id);

  // The token of a link is never sent to the server, and does not stay in the address.
  const linked = new URLSearchParams(location.hash.slice(1)).get("token");
  if (linked !== null) {
    field("header").value = "authorization";
    field("value").value = linked;
    history.replaceState(null, "", location.pathname);
  }

  function credentials() {
    const name = field("header").value;
    const value = field("value").value.trim();
    const role = field("role").value.trim();
    const headers = {};
    if (name !== "" && value !== "") headers[name] = name === "authorization" && !/^bearer /i.test(value) ? "Bearer " + value : value;
    if (role !== "") headers["x-hasura-role"] = role;
    return headers;
  }

  async function post(request, headers) {
    const answer = await fetch("/v1/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...credentials(), ...headers },
      body: JSON.stringify(request),
    });
    return answer.json();
  }

  function subscribe(request, headers) {
    return {
      subscribe(observer) {
        const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/v1/graphql", "graphql-transport-ws");
        const send = (message) => socket.send(JSON.stringify(message));
        socket.onopen = () => send({ type: "connection_init", payload: { headers: { ...credentials(), ...headers } } });
        socket.onmessage = (event) => {
          const message = JSON.parse(event.data);
          if (message.type === "connection_ack") send({ id: "1", type: "subscribe", payload: request });
          else if (message.type === "ping") send({ type: "pong" });
          else if (message.type === "next") observer.next(message.payload);
          else if (message.type === "error") observer.error({ errors: message.payload });
          else if (message.type === "complete") observer.complete();
        };
        socket.onclose = (event) => (event.code === 1000 ? observer.complete() : observer.error(event.reason || "the connection was closed"));
        return { unsubscribe: () => socket.close(1000) };
      },
    };
  }

  /** What stands outside of braces and parentheses, without comments and texts: the heads of the definitions. */
  function headsOf(query) {
    let depth = 0;
    let heads = "";
    for (const [token] of query.matchAll(/"""[^]*?"""|"(?:\\\\.|[^"\\\\])*"|#.*|\\w+|[^]/g)) {
      if (token === "{" || token === "(") depth += 1;
      if (depth === 0 && !/^["#]/.test(token)) heads += token;
      if (token === "}" || token === ")") depth -= 1;
    }
    return heads;
  }

  function isSubscription(request) {
    const operations = [...headsOf(request.query).matchAll(/(?:^|[^\\w])(query|mutation|subscription)(?:\\s+(\\w+))?/g)];
    const chosen = operations.find((operation) => !request.operationName || operation[2] === request.operationName);
    return chosen !== undefined && chosen[1] === "subscription";
  }

  const fetcher = (request, options) => (isSubscription(request) ? subscribe : post)(request, (options && options.headers) || {});
  const root = ReactDOM.createRoot(field("graphiql"));
  const render = (key) => {
    const isKnown = Object.keys(credentials()).length > 0;
    field("hint").hidden = isKnown;
    // The first view of nobody does not ask for the schema: that would be refused.
    const schema = key === 0 && !isKnown ? { schema: null } : {};
    root.render(React.createElement(GraphiQL, { key, fetcher, shouldPersistHeaders: false, ...schema }));
  };
  let version = 0;
  field("credentials").addEventListener("submit", (event) => {
    event.preventDefault();
    version += 1;
    render(version);
  });
  render(version);
})();
`;
