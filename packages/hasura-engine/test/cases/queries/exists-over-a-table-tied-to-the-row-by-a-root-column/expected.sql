-- authors
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT t4.j, sum(pg_column_size(t4.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
    FROM (
      SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
      FROM (
        SELECT t1.*
        FROM "public"."authors" t1
        WHERE (EXISTS (
          SELECT 1
          FROM "public"."articles" t2
          WHERE ((t2."author_id" = t1."id") AND ((t2."published" = ($1::pg_catalog.bool)) OR ((t2."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL))))
        ))
      ) t0
      OFFSET 0
    ) t4
  ) t3
  WHERE CASE WHEN t3.s > 16777216 THEN (t3.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = "true"
