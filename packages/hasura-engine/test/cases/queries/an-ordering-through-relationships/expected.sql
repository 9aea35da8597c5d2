-- a
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      ORDER BY (
        SELECT t2."name"
        FROM "public"."authors" t2
        WHERE t2."id" = t1."author_id"
          AND TRUE
        LIMIT 1
      ) DESC NULLS FIRST, t1."id" DESC NULLS FIRST
    ) t0
  ) t3
)::text AS data;

-- b
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      ORDER BY (
        SELECT count(*)
        FROM "public"."articles" t2
        WHERE t2."author_id" = t1."id"
          AND TRUE
      ) DESC NULLS FIRST
    ) t0
  ) t3
)::text AS data;

-- c
SELECT (
  SELECT coalesce(json_agg(t3.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."authors" t1
      ORDER BY (
        SELECT max(t2."title")
        FROM "public"."articles" t2
        WHERE t2."author_id" = t1."id"
          AND TRUE
      ) DESC NULLS LAST
    ) t0
  ) t3
)::text AS data;

-- d
SELECT (
  SELECT coalesce(json_agg(t4.j), '[]')
  FROM (
    SELECT JSON_OBJECT('id' VALUE t0."id" RETURNING json) AS j
    FROM (
      SELECT t1.*
      FROM "public"."articles" t1
      ORDER BY (
        SELECT (
          SELECT count(*)
          FROM "public"."articles" t3
          WHERE t3."author_id" = t2."id"
            AND TRUE
        )
        FROM "public"."authors" t2
        WHERE t2."id" = t1."author_id"
          AND TRUE
        LIMIT 1
      ) ASC NULLS LAST, t1."id" ASC NULLS LAST
    ) t0
  ) t4
)::text AS data;
