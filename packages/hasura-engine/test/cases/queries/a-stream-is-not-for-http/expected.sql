-- articles_stream
SELECT coalesce(json_agg(s.j), '[]')::text AS data, count(*)::int AS count, (array_agg(s.c))[count(*)::int] AS cursor
FROM (
  SELECT JSON_OBJECT('id' VALUE t0."id", 'author' VALUE (
    SELECT JSON_OBJECT('name' VALUE t1."name" RETURNING json)
    FROM "public"."authors" t1
    WHERE t1."id" = t0."author_id"
      AND TRUE
    LIMIT 1
  ) RETURNING json) AS j, t0."id"::text AS c
  FROM "public"."articles" t0
  WHERE t0."id" < $1::pg_catalog.int4
    AND (t0."published" = ($2::pg_catalog.bool))
  ORDER BY t0."id" DESC
  FETCH FIRST ($3::pg_catalog.int8) ROWS WITH TIES
) s;
-- $1 = "4"
-- $2 = "true"
-- $3 = "2"
