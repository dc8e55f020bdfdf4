CREATE TABLE "select" ("from" INTEGER PRIMARY KEY, "it's" TEXT, "a`b" TEXT, "x'); DROP TABLE victim; --" INTEGER);
INSERT INTO "select" VALUES (1, 'one', 'two', 3);
CREATE TABLE "two words.and dots" (id INTEGER PRIMARY KEY, "Größe ☃" TEXT);
INSERT INTO "two words.and dots" VALUES (1, 'x');
