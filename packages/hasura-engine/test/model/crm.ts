import { createTestDatabase, type TestDatabase } from "../test-database.ts";

/** Tables of every kind that a model tells apart. */
export function createCrmDatabase(): Promise<TestDatabase> {
  return createTestDatabase(`
    create schema crm;
    create table authors (id int primary key, name text not null, "odd name" text);
    create table author_details (id int primary key references authors, phone text);
    create table articles (id int primary key, author_id int not null references authors, editor_id int references authors, title text);
    create table crm.people (id int primary key);
    create table notes (a int, b int, primary key (a, b));
    create table note_lines (id int primary key, note_b int, note_a int, foreign key (note_a, note_b) references notes (a, b));
    create table keyless (value text);
    create table colors (value text primary key, comment text);
    insert into colors values ('red', 'warm'), ('blue', null);
    create table paints (id int primary key, color text references colors);
    create table empty_enum (value text primary key);
    create table wide_enum (value text primary key, a text, b text);
    create table bad_enum (value text primary key);
    insert into bad_enum values ('not a name');
    create view totals as select author_id, count(*) as n from articles group by author_id;
  `);
}
