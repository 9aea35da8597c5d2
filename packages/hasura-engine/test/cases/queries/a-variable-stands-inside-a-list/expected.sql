-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (t1."id" = ANY(($1::pg_catalog.int4[])))
    ) t0
  ) t2
)::text AS data;
-- $1 = "{\"1\",\"3\"}"
