-- a
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (EXISTS (
        SELECT 1
        FROM (
          SELECT count(*) AS r
          FROM "public"."articles" t2
          WHERE t2."author_id" = t1."id"
            AND TRUE
        ) t3
        WHERE (t3.r > $1::pg_catalog.int8)
      ))
    ) t0
  ) t4
)::text AS data;
-- $1 = "1"

-- b
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (EXISTS (
        SELECT 1
        FROM (
          SELECT count(DISTINCT t2."id") AS r
          FROM "public"."articles" t2
          WHERE t2."author_id" = t1."id"
            AND (t2."published" = ($1::pg_catalog.bool))
        ) t3
        WHERE (t3.r = $2::pg_catalog.int8)
      ))
    ) t0
  ) t4
)::text AS data;
-- $1 = "true"
-- $2 = "1"

-- c
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (EXISTS (
        SELECT 1
        FROM (
          SELECT bool_and(t2."published") AS r
          FROM "public"."articles" t2
          WHERE t2."author_id" = t1."id"
            AND TRUE
        ) t3
        WHERE (t3.r = $1::pg_catalog.bool)
      ))
    ) t0
  ) t4
)::text AS data;
-- $1 = "true"
