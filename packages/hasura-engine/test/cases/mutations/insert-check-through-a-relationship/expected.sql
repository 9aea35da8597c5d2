-- insert_article
WITH t2 AS (
  INSERT INTO "public"."article" AS t0 ("title", "author_id")
  VALUES ($1::pg_catalog.text, $2::pg_catalog.int4)
  RETURNING t0.*, (EXISTS (
    SELECT 1
    FROM "public"."author" t1
    WHERE t1."id" = t0."author_id"
      AND (t1."id" = ($3::pg_catalog.int4))
  )) AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t2
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t2
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('author_id' VALUE t2."author_id" RETURNING json)), '[]')::text
  FROM t2
) AS out0;
-- $1 = "a"
-- $2 = "1"
-- $3 = session variable x-hasura-user-id
