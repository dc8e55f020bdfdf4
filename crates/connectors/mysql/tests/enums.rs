//! The error value of an ENUM: number 0, which a server without strictness puts where a value is no
//! member. Its text is empty, as that of a member '' is.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::{Copy, copy, copy_as, databases};
use syncline_connector::WriteMode;
use syncline_testkit::Database;
use syncline_types::Code;

fn numbers(database: &Database, table: &str) -> Vec<Vec<Option<String>>> {
    database.rows(&format!("SELECT id, e + 0, f + 0, a FROM {table} ORDER BY id"))
}

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, e enum('a','b') NOT NULL, f enum('x'), \
                     a varchar(10), d date); SET sql_mode = ''";

/// By a load, by statements, and over rows that are there.
#[tokio::test(flavor = "multi_thread")]
async fn number_0_stays_number_0() {
    for options in ["", "?load_data=false"] {
        for (kind, from) in databases() {
            let to = databases().into_iter().find(|(k, _)| *k == kind).unwrap().1;
            from.execute(&format!(
                "{TABLE}; INSERT INTO t VALUES (1, 0, NULL, '', NULL), (2, 'b', 'x', 'y', NULL), \
                 (3, 'nonsense', 0, 'z', '2020-02-28'), (4, 'a', 0, NULL, NULL)"
            ));
            let many: Vec<String> =
                (5..3000).map(|i| format!("({i}, {}, 'x', '', NULL)", i % 3)).collect();
            from.execute(&format!("SET sql_mode = ''; INSERT INTO t VALUES {}", many.join(",")));
            let url = format!("{}{options}", to.url());
            let rejects = copy(&from.url(), "t", &url).await.unwrap();
            assert!(rejects.is_empty(), "{kind:?} {rejects:?}");
            assert_eq!(numbers(&to, "t"), numbers(&from, "t"), "{kind:?}");
            assert_eq!(numbers(&to, "t")[0][1].as_deref(), Some("0"));
            to.execute("UPDATE t SET e = 'b', f = NULL, a = 'old'");
            let how = Copy { write: WriteMode::Upsert, run: "again", ..Copy::default() };
            copy_as(&from.url(), "t", &url, "t", &how).await.unwrap();
            assert_eq!(numbers(&to, "t"), numbers(&from, "t"), "{kind:?}");
        }
    }
}

/// What else such a batch has is looked at as ever.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_changed_beside_it() {
    for (kind, from) in databases() {
        let to = databases().into_iter().find(|(k, _)| *k == kind).unwrap().1;
        from.execute(&format!("{TABLE}; INSERT INTO t VALUES (1, 0, NULL, 'long', NULL)"));
        to.execute(
            "CREATE TABLE t (id int PRIMARY KEY, e enum('a','b') NOT NULL, f enum('x'), \
             a varchar(3), d date)",
        );
        let error = copy(&from.url(), "t", &to.url()).await.unwrap_err();
        assert!(error.message().contains("'a'"), "{kind:?} {error}");
        assert_eq!(to.value("SELECT count(*) FROM t").as_deref(), Some("0"), "{kind:?}");
    }
}

/// Number 0 beside a member '' cannot be told from it by its text: the row is set aside.
#[tokio::test(flavor = "multi_thread")]
async fn number_0_is_never_taken_for_an_empty_member() {
    for (kind, from) in databases() {
        let to = databases().into_iter().find(|(k, _)| *k == kind).unwrap().1;
        from.execute(
            "CREATE TABLE t (id int PRIMARY KEY, e enum('a','') NOT NULL, f enum('x',' ','y'), \
             a varchar(10)); SET sql_mode = ''; \
             INSERT INTO t VALUES (1, 0, NULL, NULL), (2, '', '', NULL), (3, 'a', 0, 'z'), \
             (4, 'a', NULL, ''), (5, 'a', 'y', '')",
        );
        let rejects = copy(&from.url(), "t", &to.url()).await.unwrap();
        let errors: Vec<String> = rejects.iter().map(|r| r.error.to_string()).collect();
        assert_eq!(rejects.len(), 2, "{kind:?} {errors:?}");
        assert_eq!(rejects[0].error.code(), Code::NoEquivalent);
        assert!(errors[0].contains("number 0") && errors[1].contains(".f"), "{errors:?}");
        let mut wanted = numbers(&from, "t");
        wanted.retain(|row| !matches!(row[0].as_deref(), Some("1" | "3")));
        assert_eq!(numbers(&to, "t"), wanted, "{kind:?}");
    }
}
