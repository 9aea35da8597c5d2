-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT t3.j, sum(pg_column_size(t3.j)) OVER (ROWS UNBOUNDED PRECEDING) AS s
    FROM (
      SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
      FROM (
        SELECT t1.*
        FROM "public"."authors" t1
        WHERE ((t1."pet" = ($1::public.citext)) OR ((t1."pet" IS NULL) AND (($1::public.citext) IS NULL)))
      ) t0
      OFFSET 0
    ) t3
  ) t2
  WHERE CASE WHEN t2.s > 16777216 THEN (t2.s || ' bytes are more than an answer may have')::int IS NULL ELSE TRUE END
)::text AS data;
-- $1 = null
