CREATE TABLE notes (id int PRIMARY KEY, body text, raw varbinary(20));
INSERT INTO notes VALUES (1, 'it''s', x'00ff'), (2, 'back \\ slash', NULL), (3, NULL, x''), (4, 'line\nbreak; -- no comment', x'27'), (5, '😀', x'5c');
