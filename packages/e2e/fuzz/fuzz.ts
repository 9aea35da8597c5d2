import type { HasuraRole } from "@control-plane/service-kit";
import { createRandom, type Random } from "@control-plane/testkit/random";
import { buildSchema } from "graphql";
import { sampleRow } from "../test/tenancy/insert-samples.ts";
import type { TrackedTable } from "../test/tenancy/tracked-tables.ts";
import { sessionOf } from "./ask.ts";
import { type Checks, createChecks } from "./checks.ts";
import { type Document, generateDocument, hasRoot, LOG_PAGE, type Source } from "./generate-document.ts";
import { shrink } from "./shrink.ts";
import type { Worlds } from "./worlds.ts";

/** A document with which one tenant sees, touches or notices another. */
export type Finding = {
  readonly role: HasuraRole;
  readonly operation: number;
  readonly who: Asker["who"];
  readonly what: string;
  readonly document: Document;
};

export type FuzzOptions = {
  readonly worlds: Worlds;
  readonly tables: readonly TrackedTable[];
  /** Root fields that services answer. */
  readonly actions: readonly string[];
  readonly role: HasuraRole;
  readonly seed: number;
  readonly operations: number;
  /** How many smaller documents are tried when something is found. */
  readonly shrinkTries: number;
  readonly onProgress?: (done: number, codes: Codes) => void;
};

/** How often which refusal was the answer; "" for data. */
export type Codes = ReadonlyMap<string, number>;

type Asker = { readonly who: "a member" | "a former member"; readonly userId: string };

const FORMER_SHARE = 0.1;
const MUTATION_SHARE = 0.25;
const SUBSCRIPTION_SHARE = 0.02;
/** Writes that changed something, after which all begins anew: rows would run out. */
const CHANGES_MAX = 25;

/** Asks random documents of a role. Returns the first finding, shrunk. */
export async function fuzz(options: FuzzOptions): Promise<Finding | undefined> {
  const { worlds, role, seed, operations } = options;
  const checks = await createChecks(worlds, options.tables);
  const schema = buildSchema(worlds.reading().present.engine.sdl(role));
  const unseen = await checks.unseenTables(role);
  if (unseen !== undefined) return { role, operation: 0, who: "a member", ...unseen };
  const codes = new Map<string, number>();
  for (let operation = 1; operation <= operations; operation++) {
    const random = createRandom(seedOf(seed, role, operation));
    const document = generateDocument(sourceOf(options, schema, checks, random), drawKind(random, schema));
    const asker = drawAsker(worlds, role, random);
    const session = sessionOf(role, worlds.mine.tenant.id, asker.userId);
    const look = (tried: Document) =>
      asker.who === "a member" ? checks.member(tried, session) : checks.formerMember(tried, session);
    const seen = await look(document);
    codes.set(seen.code ?? "", (codes.get(seen.code ?? "") ?? 0) + 1);
    if (seen.what !== undefined) {
      const shrunk = await shrink(document, options.shrinkTries, async (smaller) => {
        if (document.operation === "mutation") await checks.renew();
        return (await look(smaller)).what === seen.what;
      });
      return { role, operation, who: asker.who, what: seen.what, document: shrunk };
    }
    if (checks.changes() >= CHANGES_MAX) await checks.renew();
    options.onProgress?.(operation, codes);
  }
  return undefined;
}

function sourceOf({ worlds, actions }: FuzzOptions, schema: Source["schema"], checks: Checks, random: Random): Source {
  return {
    schema,
    random,
    pool: checks.pool,
    isDrawn: (root, type) => !actions.includes(root) && !root.endsWith("_stream") && type !== LOG_PAGE,
    rootsMax: 2,
    logs: false,
    sampleArguments: () => undefined,
    sampleRow(table) {
      try {
        return sampleRow(table, random.chance(0.6) ? worlds.mine.drafts : worlds.theirs.drafts);
      } catch {
        return undefined;
      }
    },
  };
}

function drawKind(random: Random, schema: Source["schema"]): Document["operation"] {
  const drawn = random.next();
  if (drawn < MUTATION_SHARE && hasRoot(schema, "mutation")) return "mutation";
  return drawn < MUTATION_SHARE + SUBSCRIPTION_SHARE ? "subscription" : "query";
}

function drawAsker({ mine, former }: Worlds, role: HasuraRole, random: Random): Asker {
  return random.chance(FORMER_SHARE)
    ? { who: "a former member", userId: random.pick(former[role]).id }
    : { who: "a member", userId: mine.users[role].id };
}

/** Each operation has numbers of its own, so that it stays the same whatever came before. */
export function seedOf(seed: number, role: string, operation: number): number {
  let mixed = seed;
  for (const character of `${role} ${operation}`) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193);
  return mixed >>> 0;
}
