-- A member sees the global catalogue and what is his tenant's own; without these the condition read everybody's.
CREATE INDEX "actions_tenant_id_idx" ON "actions" USING btree ("tenant_id");--> statement-breakpoint
CREATE INDEX "app_versions_tenant_id_idx" ON "app_versions" USING btree ("tenant_id");--> statement-breakpoint
comment on index actions_tenant_id_idx is 'actions that a member may see: the global ones and those of the tenant';--> statement-breakpoint
comment on index app_versions_tenant_id_idx is 'app versions that a member may see: the global ones and those of the tenant';
