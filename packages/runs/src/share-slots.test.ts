import { describe, expect, test } from "vitest";
import { shareSlots, type Waiting } from "./share-slots.ts";

const tenant = (tenantId: string, inFlight: number, slots: number, dueAt = 0): Waiting => ({
  tenantId,
  inFlight,
  slots,
  dueAt,
});
const share = (tenants: readonly Waiting[], room: number) => Object.fromEntries(shareSlots(tenants, room));

describe("slots are shared", () => {
  test("evenly, and what does not go round goes to those who wait longest", () => {
    expect(share([tenant("a", 0, 50, 2), tenant("b", 0, 50, 1), tenant("c", 0, 50, 3)], 8)).toEqual({
      a: 3,
      b: 3,
      c: 2,
    });
  });

  test("to those first who hold fewest", () => {
    expect(share([tenant("a", 5, 50), tenant("b", 0, 50), tenant("c", 2, 50)], 4)).toEqual({ a: 0, b: 3, c: 1 });
  });

  test("to nobody beyond the limit, so that others have the rest", () => {
    expect(share([tenant("a", 1, 3), tenant("b", 0, 50), tenant("c", 9, 4)], 10)).toEqual({ a: 2, b: 8, c: 0 });
  });

  test("all of them where there is room for all", () => {
    expect(share([tenant("a", 1, 3), tenant("b", 0, 2)], 100)).toEqual({ a: 2, b: 2 });
  });

  test("among nobody where nobody waits, and not at all without room", () => {
    expect(share([], 5)).toEqual({});
    expect(share([tenant("a", 0, 5)], 0)).toEqual({ a: 0 });
  });
});

test("the k-th slot of every tenant comes before anybody's next, whatever they hold", () => {
  for (let round = 0; round < 300; round++) {
    const tenants = Array.from({ length: 1 + Math.floor(Math.random() * 8) }, (_, n) =>
      tenant(`t${n}`, Math.floor(Math.random() * 6), Math.floor(Math.random() * 9), Math.random()),
    );
    const room = Math.floor(Math.random() * 30);
    const places = tenants.flatMap(({ tenantId, inFlight, slots, dueAt }) =>
      Array.from({ length: Math.max(slots - inFlight, 0) }, (_, n) => ({ tenantId, place: inFlight + n, dueAt })),
    );
    const taken = places.sort((a, b) => a.place - b.place || a.dueAt - b.dueAt).slice(0, room);

    const shares = shareSlots(tenants, room);

    for (const { tenantId } of tenants)
      expect(shares.get(tenantId)).toBe(taken.filter((slot) => slot.tenantId === tenantId).length);
  }
});
