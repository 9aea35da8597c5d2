-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id", 'articles' VALUE (
      SELECT coalesce(json_agg(t5.j), '[]')
      FROM (
        SELECT JSON_OBJECT('id' VALUE t3."id" RETURNING json) AS j
        FROM (
          SELECT t4.*
          FROM "public"."articles" t4
          WHERE t4."author_id" = t0."id"
            AND ((t4."published" = ($1::pg_catalog.bool)) OR ((t4."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL)))
          LIMIT 1
        ) t3
      ) t5
    ), 'articles_aggregate' VALUE (
      WITH t6 AS (
        SELECT *
        FROM (
          SELECT t8.*
          FROM "public"."articles" t8
          WHERE t8."author_id" = t0."id"
            AND ((t8."published" = ($1::pg_catalog.bool)) OR ((t8."published" IS NULL) AND (($1::pg_catalog.bool) IS NULL)))
        ) t7
      )
      SELECT JSON_OBJECT('aggregate' VALUE (
        SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
        FROM t6 t9
      ), 'nodes' VALUE (
        SELECT coalesce(json_agg(t11.j), '[]')
        FROM (
          SELECT JSON_OBJECT('id' VALUE t10."id" RETURNING json) AS j
          FROM (
            SELECT *
            FROM t6
            LIMIT 1
          ) t10
        ) t11
      ) RETURNING json)
    ) RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      LIMIT 2
    ) t0
  ) t2
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
