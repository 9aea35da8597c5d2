-- Hasura asks an insert's check of the row that was written, after triggers, indexes and keys have had their say. Their
-- refusals told somebody who is no member any more, but whose token lives, what his former tenant has. So what comes
-- through Hasura is asked before them. Services ask before they write, and name themselves in x-source.
create function internal.member_guard() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  session constant jsonb := nullif(current_setting('hasura.user', true), '')::jsonb;
  hasura_role constant text := session ->> 'x-hasura-role';
begin
  if session ? 'x-hasura-tenant-id' and not session ? 'x-source' and hasura_role is distinct from 'admin' and not exists (
    select 1 from public.memberships m
    where m.tenant_id = (session ->> 'x-hasura-tenant-id')::uuid and m.user_id = (session ->> 'x-hasura-user-id')::uuid
      and m.status = 'ACTIVE' and m.role::text = case hasura_role when 'tenant_admin' then 'admin' else hasura_role end
  ) then
    raise exception 'TENANT_GUARD' using errcode = '23514';
  end if;
  return new;
end
$$;
--> statement-breakpoint
revoke execute on function internal.member_guard from public;
--> statement-breakpoint
-- Tables that Hasura may insert into; before the rules of a table, which begin with 30, and its derived columns.
do $$
declare
  name text;
begin
  foreach name in array array['apps', 'app_versions', 'actions', 'workflows', 'workflow_versions'] loop
    execute format('create trigger t22_member_guard before insert on public.%I for each row execute function internal.member_guard()', name);
  end loop;
end
$$;
