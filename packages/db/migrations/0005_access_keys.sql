CREATE TABLE "internal"."access_keys" (
	"id" uuid PRIMARY KEY DEFAULT uuidv7() NOT NULL,
	"tenant_id" uuid NOT NULL,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"prefix" text NOT NULL,
	"key_hash" "bytea" NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"last_used_at" timestamp with time zone,
	"last_used_ip" "inet",
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "access_keys_key_hash_key" UNIQUE("key_hash"),
	CONSTRAINT "access_keys_name_length" CHECK (char_length("internal"."access_keys"."name") between 1 and 100),
	CONSTRAINT "access_keys_prefix_length" CHECK (char_length("internal"."access_keys"."prefix") between 8 and 8),
	CONSTRAINT "access_keys_key_hash_length" CHECK (octet_length("internal"."access_keys"."key_hash") = 32)
);
--> statement-breakpoint
ALTER TABLE "internal"."access_keys" ADD CONSTRAINT "access_keys_membership_fk" FOREIGN KEY ("tenant_id","user_id") REFERENCES "public"."memberships"("tenant_id","user_id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "access_keys_tenant_id_user_id_idx" ON "internal"."access_keys" USING btree ("tenant_id","user_id");--> statement-breakpoint
CREATE INDEX "access_keys_user_id_idx" ON "internal"."access_keys" USING btree ("user_id");--> statement-breakpoint
create trigger t90_updated_at before update on internal.access_keys
  for each row execute function internal.touch_updated_at();
-- No tenant guard: signing out everywhere ends a user's keys in all tenants at once.
create trigger t21_tenant_fixed before update on internal.access_keys
  for each row when (old.tenant_id is distinct from new.tenant_id) execute function internal.refuse_tenant_change();
grant select, insert, update, delete on internal.access_keys to cp_auth;

comment on constraint access_keys_pkey on internal.access_keys is 'one key';
comment on constraint access_keys_key_hash_key on internal.access_keys is 'a key is found by its hash';
comment on constraint access_keys_membership_fk on internal.access_keys is 'a key belongs to a membership';
comment on constraint access_keys_name_length on internal.access_keys is 'a key has a name as people write it';
comment on constraint access_keys_prefix_length on internal.access_keys is 'enough of the key to recognise it, too little to use it';
comment on constraint access_keys_key_hash_length on internal.access_keys is 'digests are SHA-256';
comment on index internal.access_keys_tenant_id_user_id_idx is 'keys of a member, and of a tenant';
comment on index internal.access_keys_user_id_idx is 'keys of a user in all tenants, when they all end';

-- What a program did with an access key is told apart from what the member did himself.
create or replace function internal.audit_actor(
  out actor_type public.actor_type, out actor_id uuid, out actor_role text, out source text,
  out request_id text, out trace_id text, out session_tenant uuid
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  session constant jsonb := coalesce(nullif(current_setting('hasura.user', true), '')::jsonb, '{}');
  trace constant jsonb := coalesce(nullif(current_setting('hasura.tracecontext', true), '')::jsonb, '{}');
begin
  if session ? 'x-hasura-user-id' then
    actor_type := 'USER';
    actor_id := (session ->> 'x-hasura-user-id')::uuid;
  elsif session ->> 'x-source' = 'runner' then
    actor_type := 'RUNNER';
    actor_id := (session ->> 'x-run-id')::uuid;
  else
    actor_type := 'SYSTEM';
  end if;
  actor_role := case session ->> 'x-hasura-role'
    when 'tenant_admin' then 'admin'
    when 'admin' then 'operator'
    else session ->> 'x-hasura-role'
  end;
  source := coalesce(session ->> 'x-source', 'hasura')
    || case when session ? 'x-hasura-token-source' then '/access-key' else '' end;
  request_id := session ->> 'x-request-id';
  trace_id := trace ->> 'trace_id';
  session_tenant := (session ->> 'x-hasura-tenant-id')::uuid;
end
$$;
