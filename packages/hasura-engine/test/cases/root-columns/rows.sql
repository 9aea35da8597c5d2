truncate box, part, pass;
insert into box values (1, 'first'), (2, 'second');
insert into part values (1, 2, 'lid'), (2, 1, 'nail');
insert into pass values (7, 1), (7, 5);
