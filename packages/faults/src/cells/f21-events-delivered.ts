import { defineCell } from "../cell.ts";

/** What the engine has to deliver it delivers when the service is there again, and twice does no harm. */
export const eventsDelivered = defineCell({
  id: "F21",
  title: "the handler of a Hasura event is down, then told twice",
  async play({ stage, begin, orchestrator, send, settle, until, count, must }) {
    const [receiver] = await begin();
    if (receiver === undefined) throw new Error("there is no receiver");
    await Promise.all([stage.program("auth-actions").start(), stage.program("logs-schema").start({ unready: true })]);
    await stage.program("hasura").start({ env: { HASURA_GRAPHQL_EVENTS_FETCH_INTERVAL: "500" } });
    await stage.pool.query("update tenants set max_concurrent_runs = 1 where id = $1", [receiver.tenantId]);
    await orchestrator.stop();
    await send({ receivers: [receiver], count: 20 });
    await stage.pool.query("update tenants set max_concurrent_runs = 100 where id = $1", [receiver.tenantId]);
    const undelivered =
      "select 1 from embedded_hdb.event_log where trigger_name = 'tenant_limit_changed' and not delivered";
    must((await count(undelivered)) > 0, "the engine took no note of a changed limit");
    await orchestrator.start();
    await until(
      async () => (await count(undelivered)) === 0,
      60,
      "the engine delivers what happened while the handler was down",
    );
    const twice = await Promise.all(
      [1, 2].map(() =>
        fetch(`${orchestrator.url}/events/tenant-limit-changed`, {
          method: "POST",
          headers: { "content-type": "application/json", "x-event-secret": stage.input.secrets.eventSecret },
          body: JSON.stringify({
            id: "the-same",
            event: { op: "UPDATE", data: { old: null, new: { id: receiver.tenantId, max_concurrent_runs: 100 } } },
          }),
        }),
      ),
    );
    must(
      twice.every(({ status }) => status === 200),
      "an event that came twice was refused",
    );
    await settle();
  },
});
