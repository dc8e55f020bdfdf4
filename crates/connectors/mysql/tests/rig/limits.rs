//! Tables with every type to its limits.

/// Tables that both servers take: name, columns, rows.
pub(crate) fn tables() -> Vec<(&'static str, String, Vec<String>)> {
    let mut tables = vec![
        (
            "ints",
            "id int NOT NULL PRIMARY KEY, a tinyint, b tinyint(1), c tinyint unsigned, d smallint, \
             e smallint unsigned, f mediumint, g mediumint unsigned, h int, i int unsigned, \
             j bigint, k bigint unsigned, l year, m int(5) unsigned zerofill"
                .to_owned(),
            vec![
                "1, -128, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, 1901, 0".into(),
                "2, 127, 1, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 2155, 42".into(),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0".into(),
            ],
        ),
        (
            "numbers",
            "id int NOT NULL PRIMARY KEY, a decimal(65,30), b decimal(38,0), c decimal(10,2) unsigned, \
             d float, e double, f decimal(65,0), g decimal(1,1), h float(7,2), i double(10,3)"
                .to_owned(),
            vec![
                format!("1, -{}.{}, -{}, 0.01, -3.402823466e38, -1.7976931348623157e308, -{}, -0.9, -99999.99, -9999999.999",
                    "9".repeat(35), "9".repeat(30), "9".repeat(38), "9".repeat(65)),
                format!("2, {}.{}, {}, 99999999.99, 3.402823466e38, 1.7976931348623157e308, {}, 0.9, 99999.99, 9999999.999",
                    "9".repeat(35), "9".repeat(30), "9".repeat(38), "9".repeat(65)),
                "3, 0.000000000000000000000000000001, 0, 0, 1.17549435e-38, 2.2250738585072014e-308, 0, 0, 0.1, 0.1".into(),
                "4, -0.1, -1, NULL, 0.1, 0.1, -1, -0.1, -0.01, 1e-3".into(),
                "5, NULL, NULL, NULL, -0e0, -0e0, NULL, NULL, NULL, NULL".into(),
                "6, 1, 1, 1, 16777217, 9007199254740993, 1, 0, 1, 1".into(),
            ],
        ),
        (
            "times",
            "id int NOT NULL PRIMARY KEY, a date, b datetime, c datetime(6), d datetime(3), \
             e timestamp NULL DEFAULT NULL, f timestamp(6) NULL DEFAULT NULL, g time, h time(6), i time(2)"
                .to_owned(),
            vec![
                "1, '1000-01-01', '1000-01-01 00:00:00', '1000-01-01 00:00:00.000001', '1000-01-01 00:00:00.001', \
                 '1970-01-01 00:00:01', '1970-01-01 00:00:01.000001', '-838:59:59', '-838:59:59.000000', '-00:00:00.01'".into(),
                "2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999', \
                 '2038-01-19 03:14:07', '2038-01-19 03:14:07.999999', '838:59:59', '838:59:59', '23:59:59.99'".into(),
                "3, '0000-01-01', '0000-01-01 00:00:00', '0001-01-01 00:00:00', '2024-02-29 12:00:00.5', \
                 '2024-06-30 12:00:00', '2024-10-27 02:30:00.5', '00:00:00', '00:00:00.000001', '100:00:00'".into(),
                "4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
            ],
        ),
        (
            "texts",
            "id int NOT NULL PRIMARY KEY, a char(10), b varchar(100), c tinytext, d text, e mediumtext, \
             f longtext, g char(10) CHARACTER SET latin1, h varchar(50) CHARACTER SET latin1 COLLATE latin1_general_cs, \
             i varchar(20) CHARACTER SET ascii, j text CHARACTER SET utf16, k varchar(20) CHARACTER SET gbk, \
             l varchar(20) CHARACTER SET sjis, m varchar(20) CHARACTER SET utf8mb3, n varchar(10) CHARACTER SET ucs2, \
             o varchar(20) CHARACTER SET koi8r, p varchar(20) COLLATE utf8mb4_bin, q varchar(5) CHARACTER SET binary"
                .to_owned(),
            vec![
                "1, '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', '', ''".into(),
                "2, 'zehn10zehn', 'tab\\tnl\\nnul\\0bs\\\\cr\\rq\\'dq\\\"z\\Z', '😀', 'a\\\\Nb', '\\\\N', 'NULL', \
                 'äöüß€', '\u{00ff}þ€ x', 'ascii ~', '😀𐍈ß', '中文', 'カタ', '中ß€', 'ß€', 'Жя', 'A', 0xFF00FE".into(),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, ' x', 'trailing  ', 'x ', ' ', REPEAT('é', 70000), REPEAT('😀', 300000), 'x', 'x  ', 'y ', 'z ', 'k ', 's ', 'u ', 'c ', 'k ', 'b ', 0x20".into(),
            ],
        ),
        (
            "bytes",
            "id int NOT NULL PRIMARY KEY, a binary(5), b varbinary(300), c tinyblob, d blob, e mediumblob, \
             f longblob, g bit(1), h bit(8), i bit(13), j bit(64), k binary(16)"
                .to_owned(),
            vec![
                "1, '', '', '', '', '', '', b'0', b'0', b'0', b'0', ''".into(),
                format!("2, 0x0001090A5C, 0x{}, 0xFF, 0x5C4E, 0x0A, 0x00, b'1', 255, 8191, 18446744073709551615, 0x{}",
                    (0..=255).map(|b| format!("{b:02X}")).collect::<String>(), "FE".repeat(16)),
                "3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "4, 0x2020202020, 0x09, 0x0D0A, 0xC3, 0xE4B8, REPEAT(0x00FF5C09, 600000), b'1', b'1010', b'1', 9223372036854775808, 0x00".into(),
            ],
        ),
        (
            "choices",
            "id int NOT NULL PRIMARY KEY, a enum('a','B','it''s','x,y','','ü'), b set('a','b','c d','é'), \
             c enum('ä','ö') CHARACTER SET latin1, d set('ß','x') CHARACTER SET latin1, e enum('1','2','10')"
                .to_owned(),
            vec![
                "1, 'a', '', 'ä', 'ß,x', '10'".into(),
                "2, 'it\\'s', 'a,b,c d,é', 'ö', '', '2'".into(),
                "3, 'x,y', 'é', NULL, NULL, NULL".into(),
                "4, '', 'b', 'ä', 'x', '1'".into(),
                "5, 'ü', NULL, 'ä', 'x', '1'".into(),
            ],
        ),
        (
            "shapes",
            "id int NOT NULL PRIMARY KEY, a geometry, b point, c linestring, d polygon, e multipoint, \
             f multilinestring, g multipolygon, h geometrycollection, j json"
                .to_owned(),
            vec![
                "1, ST_GeomFromText('POINT(1 2)', 4326), ST_GeomFromText('POINT(-1e300 5e-324)'), \
                 ST_GeomFromText('LINESTRING(0 0,1 1,2 2)'), ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))'), \
                 ST_GeomFromText('MULTIPOINT(1 1,2 2)'), ST_GeomFromText('MULTILINESTRING((0 0,1 1),(2 2,3 3))'), \
                 ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))'), \
                 ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'), \
                 '{\"a\": [1, 2.5, null, true, \"ü😀\\\\n\\\\\\\\ \\\\\"\"]}'".into(),
                "2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL".into(),
                "3, ST_GeomFromText('LINESTRING(9 10,92 0)'), NULL, NULL, NULL, NULL, NULL, NULL, NULL, '[]'".into(),
            ],
        ),
    ];
    let many: Vec<String> = (0..998).map(|i| format!("c{i} int")).collect();
    let values: Vec<String> = (0..998).map(|i| i.to_string()).collect();
    tables.push((
        "wide",
        format!("id int NOT NULL PRIMARY KEY, {}", many.join(", ")),
        vec![format!("1, {}", values.join(", "))],
    ));
    tables
}
