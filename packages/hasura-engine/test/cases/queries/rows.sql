truncate colors, zones, authors, articles, shelves, boxes, archive.papers;
insert into colors values ('red', 'stop'), ('green', 'go'), ('blue', null);
insert into zones values (1, 'A', 'red'), (2, 'B', 'blue');
insert into authors values
  (1, 'Ada', 'Rex', 'calm', true, 'London', '1815-12-10T06:00:00', 'red', 4.50),
  (2, 'Bob', 'rex', null, true, null, null, 'blue', 3),
  (3, 'Cleo', null, 'wild', false, null, null, null, null);
insert into articles values
  (1, 1, 'One', false, '{"a": {"b": [1, 2]}, "x y": 1}', '{"z": 1, "a": {"q": 2}}', '{x,y}', 9223372036854775807, 2.5, 3,
   12.5, 'ab', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2020-01-31'),
  (2, 1, 'Two', true, '["new", "best"]', null, '{}', 2, 3.25, 4, null, 'ABcd', null, null),
  (3, 2, 'Three', true, null, null, null, null, null, null, null, null, null, null),
  (4, null, 'Four', null, '"new"', null, null, null, null, null, null, null, null, null);
insert into shelves values (1, 1, 'low'), (1, 2, 'high');
insert into boxes values (1, 1, 1), (2, 1, 2), (3, 1, 2);
insert into archive.papers values (1, 1, 'first'), (2, 2, 'second');
truncate "odd names";
insert into "odd names" values (1, 2, 'hidden', 'from');
