-- What every accepted webhook pays for without anybody's need.
--
-- The two keys to tenants are implied: a run's (tenant_id, workflow_id, workflow_version_id) leads to a version, a delivery's
-- (tenant_id, trigger_id) to a trigger, and both have a tenant.
ALTER TABLE "webhook_deliveries" DROP CONSTRAINT "webhook_deliveries_tenant_id_tenants_id_fk";
--> statement-breakpoint
ALTER TABLE "workflow_runs" DROP CONSTRAINT "workflow_runs_tenant_id_tenants_id_fk";
--> statement-breakpoint
-- Two entries for a delivery's run become one. workflow_runs_delivery_idx served the runs and replays of a delivery and the
-- set null of a delivery that retention deletes; workflow_runs_delivery_key now serves both, by (tenant_id,
-- webhook_delivery_id), which is how they ask, and still lets a delivery have one run with source WEBHOOK: of these the last
-- column repeats the delivery, of replays it is the run itself.
DROP INDEX "workflow_runs_delivery_idx";--> statement-breakpoint
DROP INDEX "workflow_runs_delivery_key";--> statement-breakpoint
CREATE UNIQUE INDEX "workflow_runs_delivery_key" ON "workflow_runs" USING btree ("tenant_id","webhook_delivery_id",(case when "source" = 'WEBHOOK' then "webhook_delivery_id" else "id" end)) WHERE "workflow_runs"."webhook_delivery_id" is not null;--> statement-breakpoint
comment on index workflow_runs_delivery_key is 'one run per delivery; its runs and replays; the key of a delivery that retention deletes';--> statement-breakpoint
-- The same refusal; a condition costs a row less than a call of PL/pgSQL.
create or replace trigger t30_transition_insert before insert on public.workflow_runs
  for each row when (new.status <> 'PENDING' or new.attempt <> 1) execute function internal.guard_run_insert();
