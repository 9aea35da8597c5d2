-- insert_article_one
WITH t1 AS (
  INSERT INTO "public"."author" AS t0 ("name", "age")
  VALUES ($1::pg_catalog.text, $2::pg_catalog.int4)
  ON CONFLICT ON CONSTRAINT "author_name_key"
  DO UPDATE
  SET "age" = EXCLUDED."age"
  WHERE TRUE
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked;
-- $1 = "Ada"
-- $2 = "99"

-- insert_article_one
WITH t1 AS (
  INSERT INTO "public"."article" AS t0 ("title")
  VALUES ($1::pg_catalog.text)
  RETURNING t0.*, TRUE AS "?check?"
)
SELECT (
  SELECT count(*)::int
  FROM t1
) AS affected, (
  SELECT coalesce(bool_and(coalesce("?check?", FALSE)), TRUE)
  FROM t1
) AS checked;
-- $1 = "x"
