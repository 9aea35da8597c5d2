import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type HasuraRole, memberRole } from "@control-plane/service-kit";
import { createRandom, type Random } from "@control-plane/testkit/random";
import { buildSchema, type GraphQLSchema } from "graphql";
import { sampleArguments } from "../test/tenancy/action-samples.ts";
import type { Drafts } from "../test/tenancy/drafts.ts";
import type { MirroredTenant } from "../test/tenancy/mirrored-tenant.ts";
import type { Stage } from "../test/tenancy/stage.ts";
import type { TrackedAction, TrackedTable } from "../test/tenancy/tracked-tables.ts";
import { type Reply, StrangerShownError } from "../test/tenancy/watched-api.ts";
import { type AbsentNames, absentNames } from "./absent-twin.ts";
import { type Codes, type Finding, seedOf } from "./fuzz.ts";
import { type Document, generateDocument, LOG_PAGE, type Operation, type Source } from "./generate-document.ts";
import { isNothing, type Known, withoutMadeUp } from "./judge.ts";
import { createRowReader } from "./rows.ts";
import { poolOf, type ValuePool } from "./values.ts";

export type ServiceFuzzOptions = {
  readonly stage: Stage;
  readonly tables: readonly TrackedTable[];
  readonly actions: readonly TrackedAction[];
  readonly role: HasuraRole;
  readonly seed: number;
  readonly operations: number;
};

type Subject = ServiceFuzzOptions & {
  readonly schema: GraphQLSchema;
  readonly pool: ValuePool;
  readonly known: Known;
  readonly names: AbsentNames;
  /** The own rows at the beginning, and all mutations since: what they name of the other tenant may come back. */
  said: string;
};
type Asker = {
  readonly token: string;
  readonly membershipId: string;
  readonly drafts: Drafts;
  readonly former: boolean;
};
type Seen = { readonly code: string; readonly what: string | undefined };

const FORMER_SHARE = 0.1;
const FOREIGN_SHARE = 0.35;
const ASKER_OPERATIONS_MAX = 100;
/** So long the first answer of a stream may take; one that has nothing to tell sends none. */
const FIRST_ANSWER_MS = 400;
/** So long, where the same stream about the other tenant has answered. */
const LATE_ANSWER_MS = 10_000;
const RATE_LIMITED = "RATE_LIMITED";
const KEY_REUSED = "IDEMPOTENCY_KEY_REUSED";
/** Roots of tables below which log pages hang. */
const WITH_LOGS = /^(workflow_runs|step_runs)(_by_pk)?$/;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
/** Secrets and addresses that were made. */
const TOKENS = /[\w-]{22,}/g;

/**
 * Asks a running control plane for random Hasura actions, log lines and streams as a role. Whatever names something of
 * the other tenant is asked again about what is not there: the answer must be the same. Returns the first finding.
 */
export async function fuzzServices(
  options: ServiceFuzzOptions,
  onDone: (codes: Codes) => void = () => {},
): Promise<Finding | undefined> {
  const { stage, role, seed, operations } = options;
  const subject = await openSubject(options);
  const foreign = await stage.foreignRows();
  const codes = new Map<string, number>();
  let member: Asker | undefined;
  let former: Asker | undefined;
  for (let operation = 1; operation <= operations; operation++) {
    if (operation % ASKER_OPERATIONS_MAX === 0) member = former = undefined;
    const random = createRandom(seedOf(seed, `${role} of services`, operation));
    let asker: Asker;
    if (random.chance(FORMER_SHARE)) asker = former ??= await newFormerAsker(options);
    else {
      if (member === undefined || !(await isMember(options, member))) member = await newAsker(options);
      asker = member;
    }
    const document = generateDocument(sourceOf(subject, asker, random), drawKind(random));
    const { code, what } = await look(subject, asker, document, foreign);
    codes.set(code, (codes.get(code) ?? 0) + 1);
    const who = asker.former ? "a former member" : "a member";
    if (what !== undefined) return { role, operation, who, what, document };
  }
  onDone(codes);
  return undefined;
}

async function openSubject(options: ServiceFuzzOptions): Promise<Subject> {
  const { stage, tables, role } = options;
  const reader = createRowReader(
    tables.map(({ name }) => name),
    stage.mine.tenant.id,
  );
  const rows = await reader.all(stage.plane.sql);
  const pool = poolOf(rows);
  const ids = rows.filter(({ mine, row }) => !mine && row.tenant_id !== null).map(({ row }) => String(row.id));
  const file = join(import.meta.dirname, "../../../hasura/generated", `${role}.graphql`);
  return {
    ...options,
    schema: buildSchema(readFileSync(file, "utf8")),
    pool,
    known: new Set([...pool.ids, ...pool.times]),
    names: absentNames([stage.theirs.mark, ...ids]),
    said: JSON.stringify(rows.filter(({ mine }) => mine)),
  };
}

function sourceOf({ stage, actions, schema, pool, role }: Subject, asker: Asker, random: Random): Source {
  const own: MirroredTenant = { ...stage.mine, drafts: asker.drafts };
  const samples = (root: string, rows: MirroredTenant): Readonly<Record<string, unknown>> => {
    if (root === "getRunLogs") return { workflowRunId: rows.shown("workflow_runs", role) };
    if (root === "getStepLogs") return { stepRunId: rows.shown("step_runs", role) };
    const action = actions.find(({ name }) => name === root);
    return action === undefined ? {} : sampleArguments(action, rows);
  };
  return {
    schema,
    pool,
    random,
    isDrawn: (root, type) =>
      type === LOG_PAGE ||
      WITH_LOGS.test(root) ||
      root.endsWith("_stream") ||
      actions.some(({ name }) => name === root),
    rootsMax: 1,
    logs: true,
    sampleRow: () => undefined,
    sampleArguments(root) {
      const foreign = samples(root, stage.theirs);
      return Object.fromEntries(
        Object.entries(samples(root, own)).map(([name, value]) => [
          name,
          random.chance(FOREIGN_SHARE) ? (nameOf(stage, name, foreign[name], random) ?? value) : value,
        ]),
      );
    },
  };
}

/** Of what the other tenant would say only what names something: whoever holds a token of its members may use it. */
function nameOf({ theirs }: Stage, argument: string, value: unknown, random: Random): unknown {
  if (argument === "email") return random.pick(Object.values(theirs.users)).email;
  const text = JSON.stringify(value) ?? "";
  return UUID.test(text) || text.includes(theirs.mark) ? value : undefined;
}

function drawKind(random: Random): Operation {
  return random.pick(["mutation", "mutation", "mutation", "query", "query", "subscription"] as const);
}

async function look(subject: Subject, asker: Asker, document: Document, foreign: readonly string[]): Promise<Seen> {
  try {
    return document.operation === "subscription"
      ? await watch(subject, asker, document)
      : await ask(subject, asker, document, foreign);
  } catch (error) {
    if (error instanceof StrangerShownError) return { code: "", what: error.message };
    throw error;
  }
}

async function ask(subject: Subject, asker: Asker, document: Document, foreign: readonly string[]): Promise<Seen> {
  const { stage, names } = subject;
  const writes = document.operation === "mutation";
  if (writes) subject.said += JSON.stringify(document);
  const answer = (asked: Document): Promise<Reply> => stage.ask(asked.text, askedAs(subject, asker, asked));
  const reply = await answer(document);
  const code = codeOf(reply);
  if (writes && !isDeepStrictEqual(await stage.foreignRows(), foreign)) return { code, what: "rows of others changed" };
  if (asker.former) return { code, what: tellsNothing(reply) ? undefined : "a former member is answered" };
  const twin = names.twin(document, writes ? "" : subject.said);
  if (twin === undefined) return { code, what: undefined };
  const absent = await answer(twin);
  // The twin's idempotency key is not the other tenant's: what had it before is the first of the two calls.
  if (codeOf(absent) === KEY_REUSED) return { code, what: undefined };
  if (alike(subject, reply, absent)) return { code, what: undefined };
  // What the first two have done may make the difference: asked once more, it has to be there again.
  const again = await answer(document);
  const isSettled = alike(subject, again, absent) || alike(subject, again, await answer(twin));
  return { code, what: isSettled ? undefined : "the answer tells the other tenant's from nobody's" };
}

/** Of a stream or live query the first answer counts. */
async function watch(subject: Subject, asker: Asker, document: Document): Promise<Seen> {
  const { stage, names } = subject;
  const open = (asked: Document) => stage.watch(asked.text, askedAs(subject, asker, asked));
  const twin = names.twin(document, subject.said);
  const watched = open(document);
  const beside = twin === undefined ? undefined : open(twin);
  try {
    const both = [watched, ...(beside === undefined ? [] : [beside])];
    await until(() => both.every(({ seen }) => seen().length > 0), FIRST_ANSWER_MS);
    if (both.some(({ seen }) => seen().length > 0))
      await until(() => both.every(({ seen }) => seen().length > 0), LATE_ANSWER_MS);
    const [reply] = watched.seen();
    const code = reply === undefined ? "nothing yet" : codeOf(reply);
    if (asker.former)
      return { code, what: reply === undefined || tellsNothing(reply) ? undefined : "a former member is answered" };
    if (beside === undefined || alike(subject, reply, beside.seen()[0])) return { code, what: undefined };
    return { code, what: "the answer tells the other tenant's from nobody's" };
  } finally {
    watched.stop();
    beside?.stop();
  }
}

function askedAs({ said }: Subject, { token }: Asker, document: Document) {
  return { variables: document.variables, token, mayShow: said + JSON.stringify(document) };
}

async function until(holds: () => boolean, waitMs: number): Promise<void> {
  for (const end = Date.now() + waitMs; !holds() && Date.now() < end; ) await delay(10);
}

function codeOf({ refusal }: Reply): string {
  return refusal?.code ?? "";
}

function tellsNothing({ data, refusal }: Reply): boolean {
  return refusal !== undefined || isNothing(data);
}

/** Whether an answer about the other tenant says what the twin's says; secrets and ids that were made are no difference. */
function alike({ stage, known, names }: Subject, foreign: Reply | undefined, absent: Reply | undefined): boolean {
  if (foreign === undefined || absent === undefined) return foreign === absent;
  if ([foreign, absent].some((reply) => codeOf(reply) === RATE_LIMITED)) return true;
  const isName = (text: string): boolean =>
    known.has(text) || text.includes(stage.mine.mark) || text.includes(stage.theirs.mark);
  // Both: own rows may hold the twins' names too, since mutations were asked about them.
  const [one, other] = [foreign.body, absent.body].map((body) =>
    withoutMadeUp(names.asForeign(body), known).replaceAll(TOKENS, (text) => (isName(text) ? text : "a token")),
  );
  return one === other;
}

async function newAsker({ stage, role }: ServiceFuzzOptions): Promise<Asker> {
  const { user, token } = await stage.newMember(role);
  return { token, membershipId: user.membershipId, drafts: await stage.newDrafts(user.email), former: false };
}

async function newFormerAsker(options: ServiceFuzzOptions): Promise<Asker> {
  const asker = await newAsker(options);
  await options.stage.plane.sql.query("update memberships set status = 'REMOVED', removed_at = now() where id = $1", [
    asker.membershipId,
  ]);
  return { ...asker, former: true };
}

/** What an asker does may end his own membership. */
async function isMember({ stage, role }: ServiceFuzzOptions, { membershipId }: Asker): Promise<boolean> {
  const { rowCount } = await stage.plane.sql.query(
    "select from memberships where id = $1 and status = 'ACTIVE' and role = $2",
    [membershipId, memberRole(role)],
  );
  return rowCount === 1;
}
