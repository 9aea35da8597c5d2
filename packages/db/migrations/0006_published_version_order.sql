-- A generated column is not computed yet when a BEFORE trigger sees the new row, so an app version's order always looked
-- changed and no published app version could become, or cease to be, the latest. It follows from `version`, which is
-- compared itself.
create or replace function internal.guard_published() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'DELETE' then
    if old.published_at is not null then
      raise exception 'PUBLISHED_IMMUTABLE' using errcode = '23514';
    end if;
    return old;
  end if;
  if old.published_at is not null
     and ((to_jsonb(new) - '{is_latest,updated_at,published_by,created_by,version_order}'::text[])
            is distinct from (to_jsonb(old) - '{is_latest,updated_at,published_by,created_by,version_order}'::text[])
          or (new.published_by is not null and new.published_by is distinct from old.published_by)
          or (new.created_by is not null and new.created_by is distinct from old.created_by)) then
    raise exception 'PUBLISHED_IMMUTABLE' using errcode = '23514';
  end if;
  return new;
end
$$;
