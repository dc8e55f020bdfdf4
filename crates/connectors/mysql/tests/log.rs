//! The binary log on real servers: what it tells, in which order, and from where on.

#![allow(clippy::unwrap_used, reason = "a test has nothing better to do with an error")]

mod rig;

use rig::databases;
use rig::tail::Tail;

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_in_their_order_by_transaction() {
    for (kind, database) in databases() {
        database.execute(
            "CREATE TABLE t (id int PRIMARY KEY, a varchar(20)); CREATE TABLE other (id int)",
        );
        let mut tail = Tail::now(&database.url(), &["t"]).await;
        database.execute(
            "INSERT INTO t VALUES (1, 'one'), (2, NULL); INSERT INTO other VALUES (1); \
             START TRANSACTION; UPDATE t SET a = 'two' WHERE id = 2; UPDATE t SET id = 3 WHERE id = 1; \
             DELETE FROM t WHERE id = 2; COMMIT",
        );
        let read = tail.read().await.unwrap();
        let expected = [
            "insert t id=1 a=one",
            "insert t id=2 a=NULL",
            "update t id=2 a=two",
            "before t id=1",
            "update t id=3 a=one",
            "delete t id=2",
        ];
        assert_eq!(read.lines(), expected, "{kind:?}");
        let commits: Vec<u32> = read.sets.iter().flat_map(|s| &s.commits).map(|c| c.end).collect();
        assert_eq!(commits, [2, 6], "{kind:?}");
        assert_eq!(tail.at.seq, 6);
        assert!(tail.read().await.unwrap().lines().is_empty());
    }
}
