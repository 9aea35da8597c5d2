import { setTimeout as delay } from "node:timers/promises";
import { createEnvelope, createLocalKeyring, uuidv7 } from "@control-plane/crypto";
import { findActiveDataKey, findDataKey, insertDataKey } from "@control-plane/db";
import type { FailpointName } from "@control-plane/service-kit/failpoint";
import type { Random } from "@control-plane/testkit/random";
import type { FaultStores } from "./fault-stores.ts";
import type { Program, StartOptions } from "./program.ts";
import { type Acknowledged, type Receiver, type SendOptions, type Sent, sendWebhooks } from "./sender.ts";
import type { Stage } from "./stage.ts";
import { isBusy, STRETCH } from "./stretch.ts";

export type ReceiverOptions = {
  steps?: readonly ({ key: string; action?: string } & Record<string, unknown>)[];
  maxAttempts?: number;
  timeoutSeconds?: number;
};

/** What a cell has in its hands. */
export type Play = {
  readonly stage: Stage;
  readonly stores: FaultStores;
  readonly random: Random;
  /** Webhooks of this cell. */
  readonly size: number;
  /** The three services every run needs; started by `begin`. */
  readonly gateway: Program;
  readonly orchestrator: Program;
  readonly runner: Program;
  /** Starts gateway, orchestrator and runner, and makes two tenants with a workflow each. */
  begin(options?: { runner?: boolean; orchestrator?: StartOptions }): Promise<Receiver[]>;
  /** A tenant with a published workflow and its webhook address; without steps one that echoes. */
  receiver(options?: ReceiverOptions): Promise<Receiver>;
  /** An enabled trigger of each minute whose next slot is `nextFireAt`. */
  schedule(nextFireAt: Date): Promise<{ triggerId: string; tenantId: string }>;
  /** Calls one of a service's Hasura actions as Hasura does; without a caller as nobody. */
  act(
    service: Program,
    name: string,
    input: unknown,
    caller?: ActionCaller,
  ): Promise<{ status: number; body: unknown }>;
  send(options: Pick<SendOptions, "receivers" | "count"> & Partial<SendOptions>): Promise<Sent>;
  /** Everything that was acknowledged so far. */
  acknowledged(): readonly Acknowledged[];
  /** Waits until `program` died at the failpoint; what it was started with must have armed it. */
  awaitDeath(program: Program, failpoint: FailpointName): Promise<void>;
  /** Waits until no run is open; what stays open is told as stuck. */
  settle(secondsMax?: number): Promise<void>;
  /** A condition of the cell's own. */
  must(holds: boolean, what: string): void;
  /** A time that must not be longer: told as late, on a machine that is not busy with something else. */
  within(ms: number, msMax: number, what: string): void;
  /** Waits until `check` is true. */
  until(check: () => Promise<boolean>, secondsMax: number, what: string): Promise<void>;
  count(sql: string, values?: readonly unknown[]): Promise<number>;
};

export type ActionCaller = { tenantId: string; userId: string; role: "owner" | "tenant_admin" | "builder" | "viewer" };

/** `late` is what took longer than it may: told apart, since only a quiet machine can say it. */
export type PlayResult = { problems: string[]; late: string[]; figures: string[]; reached: Set<FailpointName> };

/** A runner that is slowed down by failures must still have attempts left when they are over. */
const ATTEMPTS = 10;
const LOOK_EVERY_MS = 200;
const ONCE_RED_SECONDS_MAX = 15;

export function createPlay(
  given: Pick<Play, "stage" | "stores" | "random" | "size">,
): Play & { result: PlayResult; allAcknowledged: Acknowledged[] } {
  const { stage, random } = given;
  const result: PlayResult = { problems: [], late: [], figures: [], reached: new Set() };
  const allAcknowledged: Acknowledged[] = [];
  let batches = 0;
  const envelope = createEnvelope({
    provider: createLocalKeyring(stage.input.secrets.keyring),
    loadKey: (tenantId) => findActiveDataKey(stage.database.db, tenantId),
    loadKeyById: (id) => findDataKey(stage.database.db, id),
    insertKey: (key) => insertDataKey(stage.database.db, key),
  });
  const count = async (sql: string, values: readonly unknown[] = []): Promise<number> => {
    const { rows } = await stage.pool.query<{ count: string }>(`select count(*) as count from (${sql}) counted`, [
      ...values,
    ]);
    return Number(rows[0]?.count ?? 0);
  };
  const until: Play["until"] = async (check, secondsMax, what) => {
    // A cell that is red already plays on for what its audit has to tell, not for as long as a green one may need.
    const seconds = result.problems.length === 0 ? secondsMax : Math.min(secondsMax, ONCE_RED_SECONDS_MAX);
    for (
      const deadline = Date.now() + seconds * 1_000 * STRETCH;
      !(await check().catch(() => false));
      await delay(LOOK_EVERY_MS)
    ) {
      if (Date.now() < deadline) continue;
      result.problems.push(`not within ${seconds} s: ${what}`);
      return;
    }
  };
  const receiver = async (options: ReceiverOptions = {}): Promise<Receiver> => {
    const tenant = await stage.world.tenant({ maxConcurrentRuns: 200 });
    const workflow = await tenant.workflow({
      retry: { maxAttempts: options.maxAttempts ?? ATTEMPTS, initialDelaySeconds: 1, factor: 1, maxDelaySeconds: 1 },
      ...(options.steps === undefined ? {} : { steps: options.steps }),
      ...(options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds }),
    });
    const id = uuidv7();
    const secret = `whsec_${Buffer.from(uuidv7() + uuidv7())
      .subarray(0, 32)
      .toString("base64")}`;
    const place = { tenantId: tenant.id, table: "triggers", rowId: id, column: "webhook_secret_cipher" };
    const trigger = await workflow.webhook({
      id,
      signatureScheme: "STANDARD_WEBHOOKS",
      webhookSecretCipher: await envelope.seal(place, Buffer.from(secret)),
    });
    return { tenantId: tenant.id, triggerId: id, webhookPath: trigger.webhookPath, secret };
  };
  const gateway = stage.program("webhook-gateway");
  const orchestrator = stage.program("orchestrator");
  const runner = stage.runner({ RUNNER_CONCURRENCY: "32" });
  const must = (holds: boolean, what: string): void => {
    if (!holds) result.problems.push(what);
  };
  return {
    ...given,
    result,
    allAcknowledged,
    gateway,
    orchestrator,
    runner,
    receiver,
    count,
    until,
    must,
    acknowledged: () => allAcknowledged,
    async schedule(nextFireAt) {
      const tenant = await stage.world.tenant({ maxConcurrentRuns: 200 });
      const trigger = await (await tenant.workflow()).schedule({ nextFireAt });
      return { triggerId: trigger.id, tenantId: tenant.id };
    },
    async act(service, name, input, caller) {
      const session: Record<string, string> =
        caller === undefined
          ? { "x-hasura-role": "anonymous" }
          : {
              "x-hasura-role": caller.role,
              "x-hasura-user-id": caller.userId,
              "x-hasura-tenant-id": caller.tenantId,
            };
      const reply = await fetch(`${service.url}/actions/${name}`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-action-secret": stage.input.secrets.actionSecret },
        body: JSON.stringify({ action: { name }, input, session_variables: session }),
      });
      return { status: reply.status, body: await reply.json() };
    },
    async begin({ runner: withRunner = true, orchestrator: options = {} } = {}) {
      await Promise.all([gateway.start(), orchestrator.start(options), ...(withRunner ? [runner.start()] : [])]);
      return [await receiver(), await receiver()];
    },
    async send(options) {
      batches += 1;
      const sent = await sendWebhooks({ gateways: [gateway.url], label: `${batches}`, random, ...options });
      allAcknowledged.push(...sent.acknowledged);
      result.problems.push(...sent.problems.slice(0, 5));
      return sent;
    },
    async awaitDeath(program, failpoint) {
      const died = await program.ended(60_000 * STRETCH);
      const lines = (await program.logText()).split("\n").filter((line) => line.startsWith('{"failpoint"'));
      if (lines.some((line) => line.includes(`"${failpoint}"`))) result.reached.add(failpoint);
      must(died, `${program.name} never reached ${failpoint}`);
    },
    async settle(secondsMax = 90) {
      const open = "select 1 from workflow_runs where finished_at is null";
      await until(async () => (await count(open)) === 0, secondsMax, "every run is over");
    },
    within(ms, msMax, what) {
      const text = `${what}: ${Math.round(ms)} ms`;
      const busy = isBusy();
      if (ms > msMax && !busy) result.late.push(`${text}, more than ${msMax} ms`);
      result.figures.push(ms > msMax && busy ? `${text} (the machine is busy)` : text);
    },
  };
}
