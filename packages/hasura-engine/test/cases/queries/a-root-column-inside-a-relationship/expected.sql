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
        FROM "public"."articles" t2
        WHERE t2."author_id" = t1."id"
          AND ((t2."author_id" = t1."id") AND (NOT ((t2."published" = ($1::pg_catalog.bool)) OR ((t2."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL)))))
      ))
    ) t0
  ) t3
)::text AS data;
-- $1 = "true"
