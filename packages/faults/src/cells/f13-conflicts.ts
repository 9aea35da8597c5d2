import { defineCell } from "../cell.ts";

const EVERY = 20;

/** Every twentieth statement fails as if another transaction had been in its way. */
const CONFLICTS = `
  create sequence faults.statements;
  create function faults.conflict() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
  declare place constant bigint := nextval('faults.statements');
  begin
    if place % ${EVERY} = 0 then
      raise exception 'a conflict made by a test' using errcode = case when place % ${2 * EVERY} = 0 then '40001' else '40P01' end;
    end if;
    return null;
  end $$;
  create trigger t00_conflict before insert on public.webhook_deliveries for each statement execute function faults.conflict();
  create trigger t00_conflict before insert or update on public.workflow_runs for each statement execute function faults.conflict();
  create trigger t00_conflict before insert or update on public.step_runs for each statement execute function faults.conflict();`;

/** Conflicts of transactions are repeated; what cannot be done is refused as ours, and done once in the end. */
export const conflicts = defineCell({
  id: "F13",
  title: `40001 and 40P01 on every ${EVERY}th statement`,
  async play({ begin, stage, send, size, settle, count, must }) {
    const receivers = await begin();
    await stage.pool.query(CONFLICTS);
    await send({ receivers, count: size });
    await settle(120);
    await stage.pool.query("drop function faults.conflict() cascade");
    must(
      (await count("select 1 from workflow_runs where status <> 'SUCCEEDED'")) === 0,
      "a run failed over a conflict",
    );
  },
});
