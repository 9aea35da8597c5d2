truncate author, author_detail, article, comment, paint, things, counter, label, booking, task, secret, staff, stock, pick,
  shop.customer, shop.purchase, late, translation, note, gate restart identity cascade;
insert into author (name, age, info) values ('Ada', 36, '{"a": {"b": 1}, "list": [1, 2, 3]}'), ('Bob', 20, null), ('Cy', null, '[]');
insert into author_detail values (1, '111');
insert into article (title, author_id, published) values ('One', 1, true), ('Two', 1, false), ('Three', 2, false);
insert into comment (article_id, text, by_id) values (1, 'first', 2), (1, 'second', 3), (3, 'third', 1);
insert into paint (label, color, second) values ('wall', 'red', 'blue'), ('door', 'green', null);
insert into things (a_int2, a_int8, a_float4, a_float8, a_numeric, a_money) values (1, 2, 3.5, 4.5, 5.125, 6.5);
insert into counter (label) values ('first');
insert into booking (during) values ('[1,5)');
insert into task (owner_id, title) values ('u1', 'wash'), ('u2', 'cook');
insert into staff (name, is_boss) values ('worker', false), ('boss', true);
insert into stock (name, quantity) values ('pen', 10);
insert into shop.customer (full_name) values ('Ann');
insert into shop.purchase (customer_ref, amount) values (1, 5);
insert into late values (1, null);
insert into translation values (1, 'de', 'Eins'), (1, 'fr', 'Un');
insert into gate (label) values ('one');
