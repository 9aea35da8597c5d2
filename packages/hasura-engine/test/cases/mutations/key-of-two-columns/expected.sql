-- update_translation_by_pk
WITH t1 AS (
  UPDATE "public"."translation" AS t0
  SET "text" = $1::pg_catalog.text
  WHERE ((t0."article_id" = ($2::pg_catalog.int4)) AND (t0."lang" = ($3::pg_catalog.text)))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, coalesce((
  SELECT (JSON_OBJECT('text' VALUE t1."text", 'article' VALUE (
    SELECT JSON_OBJECT('title' VALUE t2."title" RETURNING json)
    FROM "public"."article" t2
    WHERE t2."id" = t1."article_id"
      AND TRUE
    LIMIT 1
  ) RETURNING json))::text
  FROM t1
  LIMIT 1
), 'null') AS out0;
-- $1 = "eins"
-- $2 = "1"
-- $3 = "de"

-- delete_translation_by_pk
WITH t1 AS (
  DELETE FROM "public"."translation" AS t0
  WHERE ((t0."article_id" = ($1::pg_catalog.int4)) AND (t0."lang" = ($2::pg_catalog.text)))
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked, coalesce((
  SELECT (JSON_OBJECT('article_id' VALUE t1."article_id", 'lang' VALUE t1."lang" RETURNING json))::text
  FROM t1
  LIMIT 1
), 'null') AS out0;
-- $1 = "1"
-- $2 = "fr"
