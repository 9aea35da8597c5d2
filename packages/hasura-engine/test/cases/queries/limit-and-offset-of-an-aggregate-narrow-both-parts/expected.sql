-- articles_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."articles" t2
      ORDER BY t2."id" ASC NULLS LAST
      LIMIT $1::pg_catalog.int8
      OFFSET $2::pg_catalog.int8
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*), 'sum' VALUE JSON_OBJECT('id' VALUE sum(t3."id") RETURNING json) RETURNING json)
    FROM t0 t3
  ), 'nodes' VALUE (
    SELECT coalesce(json_agg(t5.j), '[]')
    FROM (
      SELECT JSON_OBJECT('id' VALUE t4."id" RETURNING json) AS j
      FROM t0 t4
    ) t5
  ) RETURNING json)
)::text AS data;
-- $1 = "2"
-- $2 = "1"
