-- authors
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."colors" t2
        WHERE t2."value" = t1."color"
          AND ((t2."meaning" = ($1::pg_catalog.text)) OR ((t2."meaning" IS NULL) AND (($1::pg_catalog.text) IS NULL)))
      ))
    ) t0
  ) t3
)::text AS data;
-- $1 = "stop"
