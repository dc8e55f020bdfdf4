CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT, price REAL);
INSERT INTO items VALUES (1, 'plain', 1.5), (2, 'a "quoted", one', NULL), (3, '', -2.25), (4, NULL, 0.1);
CREATE TABLE "odd name" (a TEXT);
INSERT INTO "odd name" VALUES ('x');
CREATE TABLE empty (id INTEGER PRIMARY KEY, note TEXT);
