import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { parseInput } from "./errors.ts";
import { requireSecret } from "./hasura-action.ts";

/** One delivery of a Hasura event trigger. `id` stays the same over retries: the key of idempotency. */
export type HasuraEvent<D> = {
  /** Kebab-case; the path is /events/<name>. */
  name: string;
  handle(body: unknown, deps: D): Promise<void>;
};
export type HasuraCron<D> = {
  /** Kebab-case; the path is /crons/<name>. */
  name: string;
  handle(body: unknown, deps: D): Promise<void>;
};

const deliverySchema = z.object({
  id: z.string().min(1),
  event: z.object({
    op: z.enum(["INSERT", "UPDATE", "DELETE", "MANUAL"]),
    data: z.object({ old: z.unknown(), new: z.unknown() }),
  }),
});
const tickSchema = z.object({ id: z.string().min(1), scheduled_time: z.iso.datetime({ offset: true }) });

/** `payload` is the schema of the row as delivered after the operation. */
export function defineEvent<P, D>(definition: {
  name: string;
  payload: z.ZodType<P>;
  run(event: { id: string; row: P }, deps: D): Promise<void>;
}): HasuraEvent<D> {
  return {
    name: definition.name,
    async handle(body, deps) {
      const delivery = parseInput(deliverySchema, body);
      await definition.run({ id: delivery.id, row: parseInput(definition.payload, delivery.event.data.new) }, deps);
    },
  };
}

export function defineCron<D>(definition: {
  name: string;
  run(tick: { id: string; scheduledTime: Date }, deps: D): Promise<void>;
}): HasuraCron<D> {
  return {
    name: definition.name,
    async handle(body, deps) {
      const tick = parseInput(tickSchema, body);
      await definition.run({ id: tick.id, scheduledTime: new Date(tick.scheduled_time) }, deps);
    },
  };
}

/** 2xx only when done: Hasura repeats every other answer, at least once and in any order. */
export function registerEvents<D>(
  server: FastifyInstance,
  options: { events: readonly HasuraEvent<D>[]; crons: readonly HasuraCron<D>[]; secrets: readonly string[]; deps: D },
): void {
  const onRequest = requireSecret("x-event-secret", options.secrets);
  for (const event of options.events) {
    server.post(`/events/${event.name}`, { onRequest }, async (request) => {
      await event.handle(request.body, options.deps);
      return { ok: true };
    });
  }
  for (const cron of options.crons) {
    server.post(`/crons/${cron.name}`, { onRequest }, async (request) => {
      await cron.handle(request.body, options.deps);
      return { ok: true };
    });
  }
}
