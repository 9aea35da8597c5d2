-- authors
SELECT (
  SELECT coalesce(json_agg(t2.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE (t1."id" = ($1::pg_catalog.int4))
    ) t0
  ) t2
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- articles
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id", 'author' VALUE (
      SELECT JSON_OBJECT('name' VALUE t4."name" RETURNING json)
      FROM "public"."authors" t4
      WHERE t4."id" = t0."author_id"
        AND (t4."id" = ($1::pg_catalog.int4))
      LIMIT 1
    ) RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."authors" t2
        WHERE t2."id" = t1."author_id"
          AND (t2."id" = ($1::pg_catalog.int4))
      ))
    ) t0
  ) t3
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- articles_aggregate
SELECT (
  WITH t0 AS (
    SELECT *
    FROM (
      SELECT t2.*
      FROM "public"."articles" t2
      WHERE (EXISTS (
        SELECT 1
        FROM "public"."authors" t3
        WHERE t3."id" = t2."author_id"
          AND (t3."id" = ($1::pg_catalog.int4))
      ))
    ) t1
  )
  SELECT JSON_OBJECT('aggregate' VALUE (
    SELECT JSON_OBJECT('count' VALUE count(*) RETURNING json)
    FROM t0 t4
  ) RETURNING json)
)::text AS data;
-- $1 = session variable x-hasura-user-id

-- none
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      WHERE ((t1."id" = ($1::pg_catalog.int4)) AND (EXISTS (
        SELECT 1
        FROM "public"."articles" t2
        WHERE t2."author_id" = t1."id"
          AND ((EXISTS (
          SELECT 1
          FROM "public"."authors" t3
          WHERE t3."id" = t2."author_id"
            AND (t3."id" = ($1::pg_catalog.int4))
        )) AND (t2."title" = ($2::pg_catalog.text)))
      )))
    ) t0
  ) t4
)::text AS data;
-- $1 = session variable x-hasura-user-id
-- $2 = "Three"
