create table box (id int primary key, note text);
create table part (id int primary key, box_id int not null references box, note text);
create table pass (person int not null, number int not null);
