//! What happens in one transaction: statements over few keys, so that rows are met again and again.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

/// Keys are drawn from so many.
const KEYS: i64 = 400;
/// Rows of large transactions have keys from here on.
const LARGE: i64 = 1_000_000;

/// Draws statements of one dialect.
struct Pen<'a> {
    random: &'a mut StdRng,
    mysql: bool,
}

/// Rows that the tables have to begin with.
pub(super) fn first_rows(random: &mut StdRng, mysql: bool) -> Vec<String> {
    let mut pen = Pen { random, mysql };
    let mut all = Vec::new();
    for from in (0..KEYS).step_by(50) {
        let rows = |row: &mut dyn FnMut(i64) -> String| {
            (from..from + 50).map(row).collect::<Vec<_>>().join(", ")
        };
        let accounts = rows(&mut |id| pen.account(id));
        all.push(format!("INSERT INTO accounts VALUES {accounts}"));
        let lines = rows(&mut |id| format!("({}, {}, {id}, {id}.0625)", id / 4, id % 4));
        all.push(format!("INSERT INTO line_items VALUES {lines}"));
        let words = rows(&mut |id| format!("('w{id}', {id}, {})", pen.text(80)));
        all.push(format!("INSERT INTO words VALUES {words}"));
        let happenings = rows(&mut |_| pen.happening());
        all.push(format!("INSERT INTO happenings VALUES {happenings}"));
        let seats = rows(&mut |id| format!("({id}, 's{id}', {})", pen.text(10)));
        all.push(format!("INSERT INTO seats VALUES {seats}"));
        let parents = rows(&mut |id| format!("({id}, {})", pen.text(10)));
        all.push(format!("INSERT INTO parents VALUES {parents}"));
        let children = rows(&mut |id| format!("({}, {id}, {id})", id * 2));
        all.push(format!("INSERT INTO children VALUES {children}"));
    }
    all.extend((0..KEYS / 4).map(|id| pen.wide(id)));
    all
}

/// The statements of one transaction; some of it may be taken back to a savepoint. One in about 150
/// is large, of so many rows.
pub(super) fn transaction(random: &mut StdRng, mysql: bool, large: usize) -> Vec<String> {
    let mut pen = Pen { random, mysql };
    if large > 0 && pen.chance(1, 150) {
        return pen.large(large);
    }
    let mut all = Vec::new();
    let parts = *[1, 1, 1, 2, 4].choose(pen.random).unwrap_or(&1);
    for _ in 0..parts {
        if pen.chance(1, 25) {
            all.push("SAVEPOINT here".to_owned());
            all.extend(pen.some());
            all.push("ROLLBACK TO SAVEPOINT here".to_owned());
        }
        all.extend(pen.some());
    }
    all
}

impl Pen<'_> {
    fn some(&mut self) -> Vec<String> {
        match self.random.random_range(0..10) {
            0..=2 => self.accounts(),
            3 => self.line_items(),
            4 => self.words(),
            5 | 6 => self.happenings(),
            7 => self.seats(),
            8 => self.family(),
            _ => self.wides(),
        }
    }

    fn chance(&mut self, times: u32, of: u32) -> bool {
        self.random.random_ratio(times, of)
    }

    fn key(&mut self) -> i64 {
        self.random.random_range(0..KEYS)
    }

    fn number(&mut self, below: i64) -> i64 {
        self.random.random_range(0..below)
    }

    /// A text as a literal, or NULL.
    fn text(&mut self, longest: usize) -> String {
        if self.chance(1, 8) {
            return "NULL".to_owned();
        }
        let pieces =
            ["a", "Z", " ", "''", "\"", ",", ";", "é", "ß", "中", "😀", "0", "-", "\t", "%"];
        let length = self.random.random_range(0..=longest);
        let text: String =
            (0..length).map(|_| *pieces.choose(self.random).unwrap_or(&"a")).collect();
        format!("'{text}'")
    }

    fn moment(&mut self) -> String {
        if self.chance(1, 8) {
            return "NULL".to_owned();
        }
        let (year, month, day) =
            (self.number(200) + 1850, self.number(12) + 1, self.number(28) + 1);
        let (hour, minute, micro) = (self.number(24), self.number(60), self.number(1_000_000));
        format!("'{year}-{month:02}-{day:02} {hour:02}:{minute:02}:59.{micro:06}'")
    }

    /// What makes an INSERT take the place of a row that is there; sometimes nothing, so that the
    /// server refuses the transaction.
    fn or_update(&mut self, key: &str, set: &[&str]) -> String {
        if self.chance(1, 12) {
            return String::new();
        }
        let set = |new: fn(&str) -> String| {
            set.iter().map(|name| format!("{name} = {}", new(name))).collect::<Vec<_>>().join(", ")
        };
        if self.mysql {
            format!(" ON DUPLICATE KEY UPDATE {}", set(|name| format!("VALUES({name})")))
        } else {
            format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set(|name| format!("excluded.{name}")))
        }
    }

    fn account(&mut self, id: i64) -> String {
        let (owner, cents) = (self.number(50), self.number(1_000_000_000));
        let (note, touched) = (self.text(20), self.moment());
        format!("({id}, {owner}, {}.{:02}, {note}, {touched})", cents / 100, cents % 100)
    }

    fn accounts(&mut self) -> Vec<String> {
        let (id, other) = (self.key(), self.key());
        let touched = self.moment();
        match self.random.random_range(0..8) {
            0 | 1 => {
                let rows = self.random.random_range(1..6);
                // No statement of PostgreSQL may meet a row twice.
                let rows: Vec<String> = (0..rows).map(|n| self.account(id + n)).collect();
                let or = self.or_update("id", &["owner", "balance", "note", "touched"]);
                vec![format!("INSERT INTO accounts VALUES {}{or}", rows.join(", "))]
            }
            2 | 3 => vec![
                format!("UPDATE accounts SET balance = balance - 1.25 WHERE id = {id}"),
                format!(
                    "UPDATE accounts SET balance = balance + 1.25, touched = {touched} \
                     WHERE id = {other}"
                ),
            ],
            4 => vec![format!(
                "UPDATE accounts SET balance = balance * 0.5, owner = owner + 1 \
                 WHERE id BETWEEN {id} AND {}",
                id + 30
            )],
            // Rows move up by one, the last first, into each other's places.
            5 => {
                let last = id + 6;
                let mut moves = vec![format!("DELETE FROM accounts WHERE id = {}", last + 1)];
                moves.extend(
                    (id..=last)
                        .rev()
                        .map(|id| format!("UPDATE accounts SET id = {} WHERE id = {id}", id + 1)),
                );
                moves
            }
            6 => vec![format!(
                "UPDATE accounts SET id = id + {KEYS}, note = 'moved' WHERE id = {id}"
            )],
            _ => {
                let mut all =
                    vec![format!("DELETE FROM accounts WHERE id BETWEEN {id} AND {}", id + 2)];
                if self.chance(1, 2) {
                    // It comes back at once.
                    let row = self.account(id);
                    all.push(format!("INSERT INTO accounts VALUES {row}"));
                }
                all
            }
        }
    }

    fn line_items(&mut self) -> Vec<String> {
        let (a, b) = (self.number(KEYS / 4), self.number(4));
        let qty = self.number(1000);
        match self.random.random_range(0..4) {
            0 => {
                let rows: Vec<String> =
                    (0..4).map(|b| format!("({a}, {b}, {qty}, {qty}.{b}5)")).collect();
                let or = self.or_update("a, b", &["qty", "price"]);
                vec![format!("INSERT INTO line_items VALUES {}{or}", rows.join(", "))]
            }
            1 => vec![format!("UPDATE line_items SET qty = {qty}, price = NULL WHERE a = {a}")],
            2 => vec![format!(
                "UPDATE line_items SET b = b + 10, qty = qty + 1 WHERE a = {a} AND b = {b}"
            )],
            _ => vec![format!("DELETE FROM line_items WHERE a = {a} AND b >= {b}")],
        }
    }

    fn words(&mut self) -> Vec<String> {
        let (id, meaning) = (self.key(), self.text(200));
        match self.random.random_range(0..5) {
            0 => {
                let or = self.or_update("word", &["uses", "meaning"]);
                vec![format!("INSERT INTO words VALUES ('w{id}', {id}, {meaning}){or}")]
            }
            1 => vec![format!("UPDATE words SET uses = uses + 1 WHERE word LIKE 'w{id}%'")],
            2 => vec![format!(
                "UPDATE words SET word = 'w{id}é', meaning = {meaning} WHERE word = 'w{id}'"
            )],
            // One and the same key to MySQL, two to other stores.
            3 if self.mysql => {
                vec![format!("UPDATE words SET word = upper(word) WHERE word = 'w{id}'")]
            }
            _ => vec![format!("DELETE FROM words WHERE word IN ('w{id}', 'w{id}é')")],
        }
    }

    fn happening(&mut self) -> String {
        let (kind, what) = (self.number(20), self.number(4));
        let weight = if self.chance(1, 5) {
            "NULL".to_owned()
        } else {
            format!("{}", self.number(16) as f64 / 8.0)
        };
        if self.chance(1, 6) {
            format!("({kind}, NULL, {weight})")
        } else {
            format!("({kind}, 'what {what}', {weight})")
        }
    }

    fn happenings(&mut self) -> Vec<String> {
        let (kind, what) = (self.number(20), self.number(4));
        match self.random.random_range(0..6) {
            0..=2 => {
                let row = self.happening();
                let other = self.happening();
                vec![format!("INSERT INTO happenings VALUES {row}, {row}, {other}")]
            }
            // One of several that are alike.
            3 if self.mysql => {
                vec![format!("DELETE FROM happenings WHERE kind = {kind} LIMIT 1")]
            }
            3 => vec![format!(
                "DELETE FROM happenings WHERE ctid = \
                 (SELECT ctid FROM happenings WHERE kind = {kind} LIMIT 1)"
            )],
            4 => {
                vec![format!("DELETE FROM happenings WHERE kind = {kind} AND what = 'what {what}'")]
            }
            _ => vec![format!(
                "UPDATE happenings SET weight = coalesce(weight, 0) + 0.5, what = 'what {what}' \
                 WHERE kind = {kind}"
            )],
        }
    }

    fn seats(&mut self) -> Vec<String> {
        let (one, two) = (self.key(), self.key());
        let guest = self.text(12);
        match self.random.random_range(0..4) {
            // Two change places: what one has is in the way of the other.
            0 if one != two => vec![
                format!("UPDATE seats SET seat = 'x{one}-{two}' WHERE id = {one}"),
                format!("UPDATE seats SET seat = 's{one}' WHERE id = {two}"),
                format!("UPDATE seats SET seat = 's{two}' WHERE id = {one}"),
            ],
            1 => vec![
                format!("DELETE FROM seats WHERE id = {one} OR seat = 's{one}'"),
                format!("INSERT INTO seats VALUES ({one}, 's{one}', {guest})"),
            ],
            2 => vec![
                format!("DELETE FROM seats WHERE seat = 's{two}'"),
                format!("UPDATE seats SET seat = 's{two}', guest = {guest} WHERE id = {one}"),
            ],
            _ => vec![format!("UPDATE seats SET seat = NULL WHERE id = {one}")],
        }
    }

    fn family(&mut self) -> Vec<String> {
        let (one, two) = (self.key(), self.key());
        let name = self.text(12);
        match self.random.random_range(0..4) {
            0 => {
                let id = KEYS + self.number(KEYS);
                vec![
                    format!("DELETE FROM children WHERE parent = {id} OR id = {}", id * 2),
                    format!("DELETE FROM parents WHERE id = {id}"),
                    format!("INSERT INTO parents VALUES ({id}, {name})"),
                    format!("INSERT INTO children VALUES ({}, {id}, 0)", id * 2),
                ]
            }
            1 => vec![format!(
                "UPDATE children SET parent = {two}, toys = toys + 1 WHERE parent = {one}"
            )],
            2 => vec![
                format!("DELETE FROM children WHERE parent = {one}"),
                format!("DELETE FROM parents WHERE id = {one}"),
            ],
            _ => vec![format!("UPDATE parents SET name = {name} WHERE id = {one}")],
        }
    }

    /// A text that no store makes much shorter, so that PostgreSQL keeps it apart from its row.
    fn long(&mut self) -> String {
        let words = *[0, 3, 200, 600].choose(self.random).unwrap_or(&0);
        (0..words).map(|_| format!("{:016x}é", self.random.random::<u64>())).collect()
    }

    fn bytes(&mut self) -> String {
        let length = *[0, 1, 40, 3000].choose(self.random).unwrap_or(&0);
        let hex: String =
            (0..length).map(|_| format!("{:02x}", self.random.random::<u8>())).collect();
        if self.mysql { format!("x'{hex}'") } else { format!("'\\x{hex}'::bytea") }
    }

    fn wide(&mut self, id: i64) -> String {
        let (body, data, at) = (self.long(), self.bytes(), self.moment());
        let day = if at == "NULL" { at.clone() } else { format!("{}'", &at[..11]) };
        let (big, small) = (self.random.random::<i64>(), self.number(10_000_000_000));
        let weight = self.number(1 << 40) as f64 / 8.0;
        let or = self.or_update("id", &["body", "data", "exact", "day", "at", "weight", "counter"]);
        format!(
            "INSERT INTO wide VALUES ({id}, '{body}', {data}, {big}{}.{small:010}, {day}, {at}, \
             {weight}, 0){or}",
            self.number(100)
        )
    }

    fn wides(&mut self) -> Vec<String> {
        let id = self.number(KEYS / 4);
        match self.random.random_range(0..6) {
            0 | 1 => vec![self.wide(id)],
            // The large values stay as they are.
            2 | 3 => vec![format!("UPDATE wide SET counter = counter + 1 WHERE id = {id}")],
            4 => {
                let body = self.long();
                vec![format!("UPDATE wide SET body = '{body}', data = NULL WHERE id = {id}")]
            }
            _ => vec![format!("DELETE FROM wide WHERE id = {id}")],
        }
    }

    /// Rows come, change and go, all in one transaction.
    fn large(&mut self, rows: usize) -> Vec<String> {
        let from = LARGE + self.number(20) * 1_000_000;
        let to = from + i64::try_from(rows).unwrap_or(i64::MAX);
        let mut all = vec![format!("DELETE FROM accounts WHERE id >= {from} AND id < {to}")];
        for first in (from..to).step_by(500) {
            let values: Vec<String> =
                (first..(first + 500).min(to)).map(|id| self.account(id)).collect();
            all.push(format!("INSERT INTO accounts VALUES {}", values.join(", ")));
        }
        all.push(format!("UPDATE accounts SET owner = owner + 1 WHERE id >= {from} AND id < {to}"));
        let half = from + (to - from) / 2;
        all.push(format!("DELETE FROM accounts WHERE id >= {half} AND id < {to}"));
        all
    }
}
