import type { Stack } from "../stack.ts";
import type { Outcome } from "./story.ts";

/** What the terminal says once everything runs: commands to paste, and where everything is. */
export function tryNext(stack: Stack, outcome: Outcome | undefined): string[] {
  const commands = outcome === undefined ? [] : nextCommands(stack.urls.hasura, outcome);
  const told = outcome === undefined ? [] : demoLines(stack, outcome);
  return [
    ...(outcome === undefined ? [] : ["", "try next, in another terminal:"]),
    ...commands.flatMap(({ does, command }) => [`  # ${does}`, `  ${command}`]),
    "",
    ...[...told, ...addresses(stack), ...storeLines(stack)].map(([label, text]) => `  ${label.padEnd(20)} ${text}`),
  ];
}

type Line = readonly [label: string, text: string];
export type NextCommand = { does: string; command: string };

/** Commands that a newcomer can paste into a POSIX shell, in this order. */
export function nextCommands(hasuraUrl: string, outcome: Outcome): NextCommand[] {
  const login = {
    query: "mutation($e: String!, $p: String!) { login(email: $e, password: $p) { accessToken } }",
    variables: { e: outcome.email, p: outcome.password },
  };
  const run = {
    query: `mutation { runWorkflow(workflowId: "${outcome.workflowId}", input: {name: "you"}) { runId status } }`,
  };
  const runs = {
    query:
      "{ workflow_runs(order_by: {created_at: desc}, limit: 3) { status output logs { lines { message } error } } }",
  };
  const ask = (body: object, auth = ""): string =>
    `curl -s ${hasuraUrl}/v1/graphql ${auth}-H 'content-type: application/json' -d '${JSON.stringify(body)}'`;
  const asAda = '-H "authorization: Bearer $TOKEN" ';
  return [
    { does: "sign in", command: `TOKEN=$(${ask(login)} | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')` },
    { does: "run the workflow", command: ask(run, asAda) },
    { does: "send its webhook", command: signedCurl(outcome.webhookUrl, outcome.webhookSecret) },
    { does: "see the latest runs", command: ask(runs, asAda) },
  ];
}

/** Standard Webhooks with nothing but curl and openssl: HMAC-SHA256 over id, time and body with the secret's bytes. */
function signedCurl(url: string, secret: string): string {
  return [
    `SECRET=${secret}`,
    `BODY='{"name":"you"}'`,
    "ID=msg_$(openssl rand -hex 8)",
    "T=$(date +%s)",
    `KEY=$(printf %s "\${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')`,
    `DIGEST=$(printf %s "$ID.$T.$BODY" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY" -binary | openssl base64)`,
    `curl -s ${url} -H 'content-type: application/json' -H "webhook-id: $ID" -H "webhook-timestamp: $T" -H "webhook-signature: v1,$DIGEST" -d "$BODY"`,
  ].join("; ");
}

function demoLines({ urls }: Stack, outcome: Outcome): Line[] {
  return [
    ["demo user", `${outcome.email}  password: ${outcome.password}`],
    ["its webhook", `${outcome.webhookUrl}  secret: ${outcome.webhookSecret}`],
    ["console, signed in", `${urls.hasura}/#token=${outcome.accessToken}`],
  ];
}

function addresses({ urls }: Stack): Line[] {
  return [
    ["GraphQL API", `${urls.hasura}/v1/graphql   (admin secret: .local/stack/secrets.json)`],
    ["console", urls.hasura],
    ["direct sign-in", `${urls.authActions}/auth/login`],
    ["webhooks", `${urls.webhookGateway}/hooks/<path>`],
    ["runner API", `${urls.orchestrator}/runner/v1`],
    ["logs", ".local/stack/logs/"],
    ["mails", ".local/mail/"],
  ];
}

/** How to reach each store by hand. The URL of a server that a variable names may hold a password, so it is not repeated. */
function storeLines({ given, stores, databaseUrl }: Stack): Line[] {
  const line = (label: string, variable: string, program: string, url: string | undefined): Line[] => {
    if (url === undefined) return [];
    const database = new URL(url).pathname.slice(1);
    const place = `the server of ${variable}${database === "" ? "" : `, database ${database}`}`;
    return [[label, given.includes(variable) ? place : `${program} '${url}'`]];
  };
  return [
    ...line("PostgreSQL", "DATABASE_URL", "psql", databaseUrl),
    ...line("Redis", "REDIS_URL", "redis-cli -u", stores.redis),
    ...line("MongoDB", "MONGODB_URL", "mongosh", stores.mongodb),
  ];
}
