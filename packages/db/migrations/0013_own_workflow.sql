-- A version under a workflow that is not its tenant's is refused before any index is met: the foreign key comes after the
-- unique indexes, which then told whether the workflow exists and has a draft. The refusal is the foreign key's own.
create or replace function internal.number_workflow_version() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'INSERT' then
    -- The lock leaves the key checks of concurrent run inserts alone.
    perform 1 from public.workflows w where w.tenant_id = new.tenant_id and w.id = new.workflow_id for no key update;
    if not found and num_nulls(new.tenant_id, new.workflow_id) = 0 then
      raise exception 'insert or update on table "workflow_versions" violates foreign key constraint "workflow_versions_workflow_fk"'
        using errcode = '23503', schema = 'public', table = 'workflow_versions', constraint = 'workflow_versions_workflow_fk';
    end if;
    select coalesce(max(v.version), 0) + 1 into new.version
    from public.workflow_versions v where v.workflow_id = new.workflow_id;
  elsif old.published_at is not null then
    return new;
  else
    new.version := old.version;
  end if;
  new.content_hash := encode(sha256(convert_to(new.definition::text, 'UTF8')), 'hex');
  return new;
end
$$;
