import type { IncomingMessage } from "node:http";
import pg from "pg";
import { isJsonObject, type Json, parseJson, printJson } from "./exact-json.ts";
import { type HelperServer, startHelperServer } from "./helper-server.ts";

export type ActionWebhookOptions = {
  /** The database under test, asked for at each request that needs rows. */
  databaseUrl: () => string;
};

type Answer = { status: number; body: Json } | undefined;
type Call = {
  input: { readonly [key: string]: Json };
  headers: readonly [string, string][];
  databaseUrl: () => string;
};

/** The handlers of the data set's README, section "Action webhook". */
export async function startActionWebhook(options: ActionWebhookOptions): Promise<HelperServer> {
  return startHelperServer(async (request, body, response) => {
    const handler = request.method === "POST" ? handlers.get(request.url ?? "") : undefined;
    const input = members(members(parseJson(body === "" ? "null" : body)).input ?? null);
    const answer = await handler?.({ input, headers: headersOf(request), databaseUrl: options.databaseUrl });
    const headers = { "Content-Type": "application/json", "Set-Cookie": "abcd" };
    if (answer === undefined) response.writeHead(204, headers).end();
    else response.writeHead(answer.status, headers).end(printJson(answer.body));
  });
}

/** Names in the spelling of the sender, as Node keeps them in `rawHeaders`. */
function headersOf(request: IncomingMessage): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    pairs.push([request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? ""]);
  }
  return pairs;
}

const ok = (body: Json): Answer => ({ status: 200, body });

const CHILD_ADDRESSES = {
  address: { city: "New York", country: "USA" },
  addresses: [
    { city: "Bangalore", country: "India" },
    { city: "Melbourne", country: "Australia" },
  ],
};

const handlers = new Map<string, (call: Call) => Answer | Promise<Answer>>([
  ["/create-user", createUser],
  ["/create-users", createUsers],
  ["/get-user-by-email", (call) => usersByEmail(call, (ids) => ids.map((id) => ({ id }))[0] ?? null)],
  ["/get-users-by-email", (call) => usersByEmail(call, (ids) => ids.map((id) => ({ id })))],
  ["/get-user-by-email-nested", (call) => usersByEmail(call, (ids) => ids.map(nestedUser)[0] ?? null)],
  ["/get-users-by-email-nested", (call) => usersByEmail(call, (ids) => ids.map(nestedUser))],
  ["/mirror-action", ({ input }) => ok(input.arg ?? null)],
  ["/mirror-headers", ({ headers }) => ok({ headers: headers.map(([name, value]) => ({ name, value })) })],
  ["/intentional-error", ({ input }) => ({ status: 400, body: input.blob ?? null })],
  ["/null-response", () => ok(null)],
  ["/omitted-response-field", () => ok({ country: "India" })],
  ["/scalar-response", () => ok("some-string")],
  ["/scalar-array-response", () => ok(["foo", "bar", null])],
  ["/json-response", () => ok({ foo: "bar" })],
  ["/custom-scalar-array-response", () => ok([{ foo: "bar" }])],
  ["/recursive-output", recursiveOutput],
  ["/get-results", () => ok({ result_ids: [1, 2, 3, 4] })],
  ["/typed-nested-null", () => ok({ id: 1, child: null })],
  ["/typed-nested-null-wrong-field", () => ok({ id: null, child: null })],
  [
    "/get_messages",
    () =>
      ok([
        { content: "baz", user_name: "foo" },
        { content: "foo", user_name: "bar" },
      ]),
  ],
]);

function nestedUser(id: Json): Json {
  return { id, ...CHILD_ADDRESSES, user_id: { id } };
}

function recursiveOutput(): Answer {
  return ok({
    direct: { id: 1, this: { id: 2, this: { id: 3 } } },
    list: { id: 1, these: [{ id: 2, these: [{ id: 3 }] }, { id: 4 }] },
    mutual: { id: 1, that: { id: 2, other: { id: 3, that: { id: 4 } } } },
  });
}

async function createUser({ input, databaseUrl }: Call): Promise<Answer> {
  if (!isEmail(input.email)) return refused("Given email address is not valid");
  const [id] = await insertUsers(databaseUrl(), [input]);
  return ok({ id: id ?? null });
}

async function createUsers({ input, databaseUrl }: Call): Promise<Answer> {
  const users = (Array.isArray(input.users) ? input.users : []).map((user) => members(user));
  const bad = users.find((user) => !isEmail(user.email));
  if (bad !== undefined) return refused(`Email address is not valid: ${text(bad.email)}`);
  return ok((await insertUsers(databaseUrl(), users)).map((id) => ({ id })));
}

async function usersByEmail({ input, databaseUrl }: Call, shape: (ids: readonly Json[]) => Json): Promise<Answer> {
  if (!isEmail(input.email)) return refused("Given email address is not valid");
  const rows = await query(databaseUrl(), 'select id from "user" where email = $1 order by id', [text(input.email)]);
  return ok(shape(rows));
}

function refused(message: string): Answer {
  return { status: 400, body: { message, code: "invalid-email" } };
}

/** One `@`, word characters with single `.` or `-` inside on both sides, last label of 2 or 3 word characters. */
function isEmail(value: Json | undefined): boolean {
  return typeof value === "string" && /^\w+(?:[.-]\w+)*@\w+(?:[.-]\w+)*\.\w{2,3}$/.test(value);
}

async function insertUsers(url: string, users: readonly { readonly [key: string]: Json }[]): Promise<Json[]> {
  const ids: Json[] = [];
  for (const user of users) {
    ids.push(
      ...(await query(url, 'insert into "user" (email, name) values ($1, $2) returning id', [
        text(user.email),
        text(user.name),
      ])),
    );
  }
  return ids;
}

/** A connection per request: the database under test is dropped between requests. */
async function query(url: string, sql: string, values: readonly string[]): Promise<Json[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<{ id: number }>(sql, [...values]);
    return result.rows.map((row) => row.id);
  } finally {
    await client.end();
  }
}

function text(value: Json | undefined): string {
  return typeof value === "string" ? value : printJson(value ?? null);
}

function members(value: Json): { readonly [key: string]: Json } {
  return isJsonObject(value) ? value : {};
}
