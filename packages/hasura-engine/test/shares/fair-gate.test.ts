import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { createCaller } from "../../src/session/caller.ts";
import { type Holder, holderOf, UNBOUND } from "../../src/session/holder.ts";
import { createByteShares } from "../../src/shares/byte-shares.ts";
import { createCountShares } from "../../src/shares/count-shares.ts";
import { createFairGate, type FairGate, type Leave } from "../../src/shares/fair-gate.ts";

const one: Holder = { key: "one", exempt: false };
const two: Holder = { key: "two", exempt: false };

function enterAll(gate: FairGate, holders: readonly Holder[], order: string[]): Promise<Leave>[] {
  return holders.map(async (holder) => {
    const leave = await gate.enter(holder);
    order.push(holder.key);
    return leave;
  });
}

test("a holder has no more than its share, and others go in beside it", async () => {
  const gate = createFairGate({ what: "things", total: 4, each: 2, waitingEach: 10 });
  const order: string[] = [];

  const entering = enterAll(gate, [one, one, one, two], order);
  await nextTurn();

  expect(order).toEqual(["one", "one", "two"]);
  (await entering[0])?.();
  await nextTurn();
  expect(order).toEqual(["one", "one", "two", "one"]);
});

test("who waits is let in in turn over the holders, not in the order of coming", async () => {
  const gate = createFairGate({ what: "things", total: 1, each: 1, waitingEach: 10 });
  const order: string[] = [];

  const entering = enterAll(gate, [one, one, one, two, two], order);
  for (const index of [0, 1, 3, 2, 4]) (await entering[index])?.();

  expect(order).toEqual(["one", "one", "two", "one", "two"]);
});

test("more than so many of one holder do not wait, and those of others do", async () => {
  const gate = createFairGate({ what: "things", total: 1, each: 1, waitingEach: 2 });
  const order: string[] = [];
  void enterAll(gate, [one, one, one], order);

  expect(() => gate.enter(one)).toThrow("more than 2 things of one tenant or user wait");
  expect(gate.enter(two)).toBeInstanceOf(Promise);
});

test("who goes away does not wait any longer, and takes nobody's place", async () => {
  const gate = createFairGate({ what: "things", total: 1, each: 1, waitingEach: 2 });
  const leave = gate.enter(one);
  let gone = false;
  const caller = createCaller(() => gone);

  const waiting = gate.enter(one, caller);
  const next = gate.enter(two);
  gone = true;
  caller.goes();

  await expect(waiting).rejects.toThrow("the client has gone away");
  if (typeof leave === "function") leave();
  expect(await next).toBeTypeOf("function");
});

test("a holder is let in once in a turn of the event loop where that is wanted", async () => {
  const gate = createFairGate({ what: "things", total: 10, each: 10, waitingEach: 10, turnMs: 0 });
  const order: string[] = [];

  void enterAll(gate, [one, one, one, two], order);
  await Promise.resolve();
  const first = [...order];
  await nextTurn();
  await nextTurn();

  expect(first).toEqual(["one", "two"]);
  expect(order.slice(2)).toEqual(["one", "one"]);
});

test("a holder that is done in the turn it was let in is not let in again in that turn", async () => {
  const gate = createFairGate({ what: "things", total: 10, each: 10, waitingEach: 10, turnMs: 0 });
  const leave = gate.enter(one);
  if (typeof leave === "function") leave();

  const again = gate.enter(one);
  const beside = gate.enter(two);
  await nextTurn();

  expect([typeof leave, typeof again, typeof beside]).toEqual(["function", "object", "function"]);
  expect(await again).toBeInstanceOf(Function);
});

test("a holder is let in again in the same turn while little of its time is gone", async () => {
  const gate = createFairGate({ what: "things", total: 10, each: 10, waitingEach: 10, turnMs: 60_000 });

  const entered = [gate.enter(one), gate.enter(one), gate.enter(one)];

  expect(entered.map((turn) => typeof turn)).toEqual(["function", "function", "function"]);
});

test("a holder that is slowed down rests, then is let in once at a time, beside others", async () => {
  const gate = createFairGate({ what: "things", total: 4, each: 3, waitingEach: 10 });
  gate.slowDown(one, 30);

  const [own, again, other] = [gate.enter(one), gate.enter(one), gate.enter(two)];
  let entered = 0;
  for (const turn of [own, again]) void Promise.resolve(turn).then(() => (entered += 1));
  await nextTurn();

  expect([typeof own, typeof again, typeof other, entered]).toEqual(["object", "object", "function", 0]);
  expect(await own).toBeInstanceOf(Function);
  await nextTurn();
  expect(entered).toBe(1);
});

test("an exempt holder is bound by the total only", () => {
  const gate = createFairGate({ what: "things", total: 3, each: 1, waitingEach: 0, turnMs: 0 });

  const entered = [gate.enter(UNBOUND), gate.enter(UNBOUND), gate.enter(UNBOUND)];

  expect(entered.map((turn) => typeof turn)).toEqual(["function", "function", "function"]);
  expect(gate.enter(UNBOUND)).toBeInstanceOf(Promise);
});

test("bytes are held up to a share of each and up to a total, beyond which small ones are still held", () => {
  const shares = createByteShares({ total: 1_000_000, each: 600_000 });

  expect(shares.hold(one, 600_000)).toBeUndefined();
  expect(shares.hold(one, 1)).toEqual({ bytesMax: 600_000, of: "one" });
  expect(shares.hold(two, 500_000)).toEqual({ bytesMax: 1_000_000, of: "all" });
  expect(shares.hold(two, 100_000)).toBeUndefined();
  shares.release(one, 600_000);
  expect(shares.hold(two, 500_000)).toBeUndefined();
});

test("a holder takes so many, and takes again what it gave back", () => {
  const shares = createCountShares(2);

  expect([shares.take(one), shares.take(one), shares.take(one), shares.take(two)]).toEqual([true, true, false, true]);
  shares.giveBack(one);
  expect(shares.take(one)).toBe(true);
});

test.each([
  ["its tenant", "member", { "x-hasura-tenant-id": "t", "x-hasura-user-id": "u" }, "x-hasura-tenant-id=t"],
  ["its user where it has no tenant", "member", { "x-hasura-user-id": "u" }, "x-hasura-user-id=u"],
  ["its address where it has neither", "member", {}, "address=::1"],
  ["its address, whatever it says, where nobody knows it", "nobody", { "x-hasura-tenant-id": "t" }, "address=::1"],
  ["nobody where it is the admin", "admin", { "x-hasura-tenant-id": "t" }, ""],
])("a session works on the account of %s", (_whom, role, variables, key) => {
  const session = { role, admin: role === "admin", variables: new Map(Object.entries(variables)) };

  const holder = holderOf(session, "::1", {
    sharedBy: ["x-hasura-tenant-id", "x-hasura-user-id"],
    unauthorizedRole: "nobody",
  });

  expect(holder).toEqual({ key, exempt: role === "admin" });
});
