ALTER TABLE "workflow_runs" ADD COLUMN "event_buffer_bytes" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "workflow_runs_pending_deadline_idx" ON "workflow_runs" USING btree ("deadline_at") WHERE "workflow_runs"."status" = 'PENDING';--> statement-breakpoint
CREATE INDEX "workflow_runs_queued_idx" ON "workflow_runs" USING btree ("queued_at") WHERE "workflow_runs"."status" = 'QUEUED';--> statement-breakpoint
comment on index workflow_runs_pending_deadline_idx is 'sweep: PENDING runs past their deadline';
comment on index workflow_runs_queued_idx is 'dispatcher: how many are QUEUED; sweep: QUEUED runs whose job may be lost';
comment on index workflow_runs_in_flight_idx is 'slots in use per tenant; sweep: deadlines, leases and cancel requests of runs in flight';
