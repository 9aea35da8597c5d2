-- authors
SELECT (
  SELECT coalesce(json_agg(t11.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id", 'articles' VALUE (
      SELECT coalesce(json_agg(t4.j), '[]')
      FROM (
        SELECT JSON_OBJECT('id' VALUE t2."id" RETURNING json) AS j
        FROM (
          SELECT t3.*
          FROM "public"."articles" t3
          WHERE t3."author_id" = t0."id"
            AND ((t3."published" = ($1::pg_catalog.bool)) OR ((t3."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL)))
          LIMIT 1
        ) t2
      ) t4
    ), 'articles_aggregate' VALUE (
      WITH t5 AS (
        SELECT *
        FROM (
          SELECT t7.*
          FROM "public"."articles" t7
          WHERE t7."author_id" = t0."id"
            AND ((t7."published" = ($1::pg_catalog.bool)) OR ((t7."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL)))
        ) t6
      )
      SELECT JSON_OBJECT('aggregate' VALUE (
        SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
        FROM t5 t8
      ), 'nodes' VALUE (
        SELECT coalesce(json_agg(t10.j), '[]')
        FROM (
          SELECT JSON_OBJECT('id' VALUE t9."id" RETURNING json) AS j
          FROM (
            SELECT *
            FROM t5
            LIMIT 1
          ) t9
        ) t10
      ) RETURNING json)
    ) RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      LIMIT 2
    ) t0
  ) t11
)::text AS data;
-- $1 = "true"

-- authors_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."authors" t2
      LIMIT $1::pg_catalog.int8
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
    FROM t0 t3
  ), 'nodes' VALUE (
    SELECT coalesce(json_agg(t5.j), '[]')
    FROM (
      SELECT JSON_OBJECT('id' VALUE t4."id" RETURNING json) AS j
      FROM (
        SELECT *
        FROM t0
        LIMIT 2
      ) t4
    ) t5
  ) RETURNING json)
)::text AS data;
-- $1 = "3"

-- authors_by_pk
SELECT coalesce((
  SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json)
  FROM "public"."authors" t0
  WHERE (t0."id" = ($1::pg_catalog.int4))
  LIMIT 1
)::text, 'null') AS data;
-- $1 = "3"

-- more
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      ORDER BY t1."id" ASC NULLS LAST
      LIMIT least($1::pg_catalog.int8, 2)
      OFFSET $2::pg_catalog.int8
    ) t0
  ) t2
)::text AS data;
-- $1 = "5"
-- $2 = "1"

-- less
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      LIMIT least($1::pg_catalog.int8, 2)
    ) t0
  ) t2
)::text AS data;
-- $1 = "1"
