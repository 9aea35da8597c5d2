/**
 * One row, one column `catalog`: JSON text of types and tables. `$1` is a JSON list of `[schema, name]`, the
 * tables that are wanted. Works from PostgreSQL 16 on.
 */
export const CATALOG_STATEMENT = `
with wanted as (
  select c.oid, c.relname, c.relkind, n.nspname
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  join pg_catalog.json_array_elements($1::json) as w(pair) on n.nspname = w.pair ->> 0 and c.relname = w.pair ->> 1
  where c.relkind in ('r', 'v', 'm', 'p', 'f')
),
silent as not materialized (
  select oid as source, oid as target, true as same_bytes from pg_catalog.pg_type
  union all
  select castsource, casttarget, castmethod = 'b' from pg_catalog.pg_cast where castcontext = 'i'
),
types as (
  select t.oid,
    t.typname,
    n.nspname,
    t.typtype,
    case when t.typcategory = 'A' and t.typelem <> 0 then t.typelem end as element,
    case when t.typtype = 'd' then t.typbasetype end as base,
    -- Those of PostgreSQL's own types explain nothing to a client.
    case when t.typtype = 'e' then pg_catalog.obj_description(t.oid, 'pg_type') end as comment,
    t.typnotnull,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname) as sql,
    (select e.extname
       from pg_catalog.pg_depend d join pg_catalog.pg_extension e on e.oid = d.refobjid
       where d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objid = t.oid and d.deptype = 'e'
         and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
       limit 1) as extension,
    case when t.typtype = 'c' then (
      select pg_catalog.json_agg(a.atttypid::int8)
      from pg_catalog.pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) end as attributes,
    -- What PostgreSQL has for a base type, or for one that it is silently cast to; min stands beside each max. What other types
    -- can do follows from those they are made of.
    t.typtype = 'b' and exists (
      select from silent s join pg_catalog.pg_proc p on p.proargtypes[0] = s.target
      where s.source = t.oid and p.proname = 'max' and p.prokind = 'a'
    ) as max,
    case when t.typtype = 'b' then (
      select pg_catalog.json_agg(o.oprname)
      from silent s join pg_catalog.pg_operator o on o.oprleft = s.target and o.oprright = s.target
      where s.source = t.oid and o.oprname in ('=', '<>', '<', '>', '<=', '>=')
    ) end as operators,
    t.typtype = 'b' and exists (
      select from silent s join pg_catalog.pg_opclass c on c.opcintype = s.target
      join pg_catalog.pg_am m on m.oid = c.opcmethod
      where s.source = t.oid and s.same_bytes and c.opcdefault and m.amname = 'btree'
    ) as sorted
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_class r on r.oid = t.typrelid
  where t.typtype in ('b', 'd', 'e', 'r', 'm')
    or (t.typtype = 'c' and r.relkind = 'c')
    or t.oid in (
      select a.atttypid from pg_catalog.pg_attribute a join wanted w on w.oid = a.attrelid where a.attnum > 0 and not a.attisdropped
    )
    or t.oid in (
      select e.typelem from pg_catalog.pg_attribute a join wanted w on w.oid = a.attrelid
      join pg_catalog.pg_type e on e.oid = a.atttypid where a.attnum > 0 and not a.attisdropped
    )
),
columns as (
  select a.attrelid,
    pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', a.attname,
      'type', a.atttypid::int8,
      'notNull', a.attnotnull,
      'generated', a.attgenerated <> '',
      'identity', a.attidentity,
      'comment', pg_catalog.col_description(a.attrelid, a.attnum)
    ) order by a.attnum) as items
  from pg_catalog.pg_attribute a join wanted w on w.oid = a.attrelid
  where a.attnum > 0 and not a.attisdropped
  group by a.attrelid
),
keys as (
  select i.indrelid,
    pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', c.relname,
      'primary', i.indisprimary,
      'columns', (
        select pg_catalog.json_agg(a.attname order by k.place)
        from pg_catalog.unnest(i.indkey::int2[]) with ordinality as k(attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
        where k.place <= i.indnkeyatts
      )
    ) order by c.relname) as items
  from pg_catalog.pg_index i join wanted w on w.oid = i.indrelid join pg_catalog.pg_class c on c.oid = i.indexrelid
  where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
  group by i.indrelid
),
foreign_keys as (
  select k.conrelid,
    pg_catalog.json_agg(pg_catalog.json_build_object(
      'name', k.conname,
      'schema', tn.nspname,
      'table', t.relname,
      'columns', (
        select pg_catalog.json_agg(a.attname order by p.place)
        from pg_catalog.unnest(k.conkey) with ordinality as p(attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.attnum
      ),
      'targetColumns', (
        select pg_catalog.json_agg(a.attname order by p.place)
        from pg_catalog.unnest(k.confkey) with ordinality as p(attnum, place)
        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.attnum
      )
    ) order by k.conname) as items
  from pg_catalog.pg_constraint k
  join wanted w on w.oid = k.conrelid
  join pg_catalog.pg_class t on t.oid = k.confrelid
  join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  where k.contype = 'f'
    -- A foreign key to a partitioned table has a shadow constraint per partition, which is not the declared one.
    and (k.conparentid = 0 or not exists (
      select from pg_catalog.pg_constraint parent where parent.oid = k.conparentid and parent.conrelid = k.conrelid
    ))
  group by k.conrelid
)
select pg_catalog.json_build_object(
  'types', (select pg_catalog.json_agg(pg_catalog.json_build_object(
      'oid', t.oid::int8, 'name', t.typname, 'schema', t.nspname, 'sql', t.sql, 'type', t.typtype,
      'element', t.element::int8, 'base', t.base::int8, 'notNull', t.typnotnull, 'extension', t.extension,
      'attributes', t.attributes, 'max', t.max, 'operators', t.operators, 'sorted', t.sorted,
      'comment', t.comment)) from types t),
  'tables', (select coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
      'schema', w.nspname,
      'name', w.relname,
      'kind', w.relkind,
      'comment', pg_catalog.obj_description(w.oid, 'pg_class'),
      -- The bits of UPDATE, INSERT and DELETE; triggers count.
      'writable', pg_catalog.pg_relation_is_updatable(w.oid, true),
      'columns', coalesce(c.items, '[]'),
      'keys', coalesce(k.items, '[]'),
      'foreignKeys', coalesce(f.items, '[]'))), '[]')
    from wanted w
    left join columns c on c.attrelid = w.oid
    left join keys k on k.indrelid = w.oid
    left join foreign_keys f on f.conrelid = w.oid)
)::text as catalog`;
