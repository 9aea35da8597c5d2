-- delete_article
WITH t1 AS (
  DELETE FROM "public"."article" AS t0
  WHERE (t0."id" = ($1::pg_catalog.int4))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, (
  SELECT coalesce(json_agg(JSON_OBJECT('id' VALUE t1."id", 'title' VALUE t1."title", 'author' VALUE (
    SELECT JSON_OBJECT('name' VALUE t2."name" RETURNING json)
    FROM "public"."author" t2
    WHERE t2."id" = t1."author_id"
      AND TRUE
    LIMIT 1
  ), 'comments' VALUE (
    SELECT coalesce(json_agg(t5.j), '[]')
    FROM (
      SELECT JSON_OBJECT('id' VALUE t3."id" RETURNING json) AS j
      FROM (
        SELECT t4.*
        FROM "public"."comment" t4
        WHERE t4."article_id" = t1."id"
      ) t3
    ) t5
  ) RETURNING json)), '[]')::text
  FROM t1
) AS out0;
-- $1 = "3"
