//! Which runs begin next, and why the others wait: a pure function of the queue, of what is at
//! work, and of the limits.
//!
//! Runs are ranked by how long they have waited, with a head start for those of higher priority and
//! for short ones, and a handicap for those whose job is at work already. Head starts and
//! handicaps are bounded, waiting is not: every run comes first some day. Long runs never take the
//! last slot, so that short ones pass beside them; and a run that has waited for long for a
//! connection keeps others from taking what becomes free of it. The room that a project's runs have
//! is kept alike, for that project's runs alone.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

/// A run that waits for its turn.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// Its key.
    pub(crate) run: String,
    /// Its job's name.
    pub(crate) job: String,
    /// Its job's project.
    pub(crate) project: String,
    /// What no two runs may work on at the same time; none where they may.
    pub(crate) alone: Option<String>,
    /// Higher ones go first.
    pub(crate) priority: i64,
    /// How long it has waited.
    pub(crate) waited: Duration,
    /// How long it is expected to take; unknown for a job's first run.
    pub(crate) expected: Option<Duration>,
    /// Connections it uses.
    pub(crate) connections: Vec<String>,
    /// It could not begin a moment ago, for this reason, and is not tried just now.
    pub(crate) held: Option<String>,
}

/// A run at work.
#[derive(Debug, Clone)]
pub(crate) struct Working {
    /// Its job's name.
    pub(crate) job: String,
    /// Its job's project.
    pub(crate) project: String,
    /// What no two runs may work on at the same time.
    pub(crate) alone: Option<String>,
    /// How long it is expected to take in all.
    pub(crate) expected: Option<Duration>,
    /// It has caught up with a log and follows it: it goes on for ever, and takes no slot, nor room
    /// of its project.
    pub(crate) follows: bool,
    /// Connections it uses.
    pub(crate) connections: Vec<String>,
}

/// How many may be at work.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Runs at the same time.
    pub(crate) slots: usize,
    /// Runs at the same time on a connection that has no limit of its own.
    pub(crate) per_connection: usize,
    /// Limits of connections that have one.
    pub(crate) connections: BTreeMap<String, usize>,
    /// Limits of projects that have one.
    pub(crate) projects: BTreeMap<String, usize>,
}

/// What is to happen.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// These begin, in this order.
    pub(crate) begin: Vec<String>,
    /// These wait, for these reasons, in the order of their turn.
    pub(crate) wait: Vec<(String, String)>,
}

/// Waiting time that one step of priority is worth.
const STEP: i64 = 600;
/// Waiting time that a long run is put back by, at most.
const LONG: i64 = 300;
/// Waiting time that each run of the same job at work puts a run back by.
const SIBLING: i64 = 60;
/// Siblings that count, at most.
const SIBLINGS: i64 = 10;
/// From here on a run is long, and may not take the last slot.
pub(crate) const IS_LONG: Duration = Duration::from_secs(600);
/// What a run is taken to need of which nothing is known.
const UNKNOWN: Duration = Duration::from_secs(60);
/// A run that has waited so long keeps its connections free of others.
const CLAIMS: Duration = Duration::from_secs(120);

impl Limits {
    fn of(&self, connection: &str) -> usize {
        self.connections.get(connection).copied().unwrap_or(self.per_connection).max(1)
    }
}

/// The turn of a run in seconds: the larger goes first.
fn turn(run: &Waiting, working: &[Working]) -> i64 {
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX / 4);
    let siblings = working.iter().filter(|w| w.job == run.job && !w.follows).count();
    let siblings = i64::try_from(siblings).unwrap_or(SIBLINGS).min(SIBLINGS);
    let expected = seconds(run.expected.unwrap_or(UNKNOWN));
    seconds(run.waited)
        .saturating_add(run.priority.clamp(-10, 10) * STEP)
        .saturating_sub(expected.min(LONG))
        .saturating_sub(siblings * SIBLING)
}

fn is_long(expected: Option<Duration>) -> bool {
    expected.is_some_and(|time| time >= IS_LONG)
}

fn runs(limit: usize) -> &'static str {
    if limit == 1 { "run" } else { "runs" }
}

/// How many runs are in some rooms, which are connections, or projects.
#[derive(Default)]
struct Rooms {
    used: BTreeMap<String, usize>,
    claimed: BTreeMap<String, usize>,
}

/// Whether a room has a place for one more.
enum Room {
    Free,
    /// As many are in it as it takes.
    Used,
    /// What is free is kept for those who have waited for long.
    Claimed,
}

impl Rooms {
    fn take(&mut self, name: &str) {
        *self.used.entry(name.to_owned()).or_default() += 1;
    }

    fn claim(&mut self, name: &str) {
        *self.claimed.entry(name.to_owned()).or_default() += 1;
    }

    /// Whether there is a place in the room of this name, which takes so many.
    fn look(&self, name: &str, limit: usize) -> Room {
        let of = |counts: &BTreeMap<String, usize>| counts.get(name).copied().unwrap_or(0);
        let (used, claimed) = (of(&self.used), of(&self.claimed));
        match limit.saturating_sub(used) {
            0 => Room::Used,
            free if free <= claimed => Room::Claimed,
            _ => Room::Free,
        }
    }
}

/// What is taken while the queue is gone through.
#[derive(Default)]
struct Taken {
    slots: usize,
    long: usize,
    alone: HashSet<String>,
    connections: Rooms,
    projects: Rooms,
}

impl Taken {
    fn of(working: &[Working]) -> Self {
        let mut taken = Self::default();
        for run in working {
            taken.take(&run.connections, run.alone.as_ref());
            if !run.follows {
                taken.take_slot(&run.project, run.expected);
            }
        }
        taken
    }

    fn take_slot(&mut self, project: &str, expected: Option<Duration>) {
        self.slots += 1;
        self.long += usize::from(is_long(expected));
        self.projects.take(project);
    }

    fn take(&mut self, connections: &[String], alone: Option<&String>) {
        self.alone.extend(alone.cloned());
        connections.iter().for_each(|name| self.connections.take(name));
    }

    /// Why a run cannot begin, if anything keeps it.
    fn obstacle(&self, run: &Waiting, limits: &Limits) -> Option<Obstacle> {
        if let Some(why) = &run.held {
            return Some(Obstacle::Other(why.clone()));
        }
        if run.alone.as_ref().is_some_and(|alone| self.alone.contains(alone)) {
            return Some(Obstacle::Other("another run of the same job is at work".into()));
        }
        for name in &run.connections {
            let limit = limits.of(name);
            let runs = runs(limit);
            return Some(match self.connections.look(name, limit) {
                Room::Free => continue,
                Room::Used => Obstacle::Connection(format!(
                    "connection {name} takes {limit} {runs} at the same time"
                )),
                Room::Claimed => Obstacle::Other(format!(
                    "connection {name} is kept for a run that has waited for long"
                )),
            });
        }
        if let Some(why) = self.project_full(&run.project, limits) {
            return Some(Obstacle::Other(why));
        }
        let slots = limits.slots.max(1);
        if self.slots >= slots {
            let why = match slots {
                1 => "the only slot is taken".to_owned(),
                n => format!("all {n} slots are taken"),
            };
            return Some(Obstacle::Other(why));
        }
        if is_long(run.expected) && slots > 1 && self.long + 1 >= slots {
            return Some(Obstacle::Other("the last slot is kept for short runs".into()));
        }
        None
    }

    fn project_full(&self, name: &str, limits: &Limits) -> Option<String> {
        let limit = (*limits.projects.get(name)?).max(1);
        let runs = runs(limit);
        match self.projects.look(name, limit) {
            Room::Free => None,
            Room::Used => Some(format!("project {name} takes {limit} {runs} at the same time")),
            Room::Claimed => {
                Some(format!("project {name} is kept for a run that has waited for long"))
            }
        }
    }
}

/// What keeps a run from beginning.
enum Obstacle {
    /// A connection that it may claim.
    Connection(String),
    Other(String),
}

/// Chooses.
pub(crate) fn choose(waiting: &[Waiting], working: &[Working], limits: &Limits) -> Choice {
    let mut order: Vec<(i64, &Waiting)> = waiting.iter().map(|w| (turn(w, working), w)).collect();
    // Of those with the same turn, the one that came first.
    order.sort_by(|(one, a), (other, b)| other.cmp(one).then_with(|| a.run.cmp(&b.run)));
    let mut taken = Taken::of(working);
    let mut choice = Choice::default();
    for (_, run) in order {
        match taken.obstacle(run, limits) {
            None => {
                taken.take(&run.connections, run.alone.as_ref());
                taken.take_slot(&run.project, run.expected);
                choice.begin.push(run.run.clone());
            }
            Some(obstacle) => {
                let why = match obstacle {
                    Obstacle::Connection(why) => {
                        if run.waited >= CLAIMS {
                            run.connections.iter().for_each(|name| taken.connections.claim(name));
                            // What it waits for is of no use to it once its project is full.
                            taken.projects.claim(&run.project);
                        }
                        why
                    }
                    Obstacle::Other(why) => why,
                };
                choice.wait.push((run.run.clone(), why));
            }
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(number: usize, job: &str) -> Waiting {
        Waiting {
            run: format!("{number:06}"),
            job: job.to_owned(),
            project: "default".to_owned(),
            alone: Some(job.to_owned()),
            priority: 0,
            waited: Duration::from_secs(1),
            expected: Some(Duration::from_secs(10)),
            connections: vec!["a".into(), "b".into()],
            held: None,
        }
    }

    fn working(of: &Waiting) -> Working {
        Working {
            job: of.job.clone(),
            project: of.project.clone(),
            alone: of.alone.clone(),
            expected: of.expected,
            follows: false,
            connections: of.connections.clone(),
        }
    }

    fn limits(slots: usize, per_connection: usize) -> Limits {
        let projects = [("one".to_owned(), 1), ("two".to_owned(), 2)].into();
        Limits { slots, per_connection, connections: BTreeMap::new(), projects }
    }

    #[test]
    fn the_reason_names_what_is_missing() {
        let one = run(1, "one");
        let busy = [working(&one)];
        let reason = |waiting: &Waiting, limits: &Limits| {
            let choice = choose(std::slice::from_ref(waiting), &busy, limits);
            choice.wait.into_iter().next().map(|(_, why)| why)
        };
        let other = run(2, "other");
        assert_eq!(reason(&other, &limits(2, 8)), None);
        assert_eq!(reason(&other, &limits(1, 8)).unwrap(), "the only slot is taken");
        assert_eq!(
            reason(&other, &limits(2, 1)).unwrap(),
            "connection a takes 1 run at the same time"
        );
        assert_eq!(
            reason(&run(3, "one"), &limits(4, 8)).unwrap(),
            "another run of the same job is at work"
        );
        let beside = Waiting { alone: None, ..run(4, "one") };
        assert_eq!(reason(&beside, &limits(4, 8)), None);
        let in_project = |number: usize, project: &str| Waiting {
            project: project.to_owned(),
            ..run(number, &format!("job-{number}"))
        };
        let of_one = [working(&in_project(7, "one"))];
        let choice = choose(&[in_project(8, "one")], &of_one, &limits(4, 8));
        assert_eq!(choice.wait[0].1, "project one takes 1 run at the same time");
        let choice = choose(&[in_project(8, "two"), in_project(9, "two")], &of_one, &limits(4, 8));
        assert_eq!(choice.begin.len(), 2);
        // What follows a log leaves the room to others.
        let followers = [Working { follows: true, ..of_one[0].clone() }];
        assert_eq!(choose(&[in_project(8, "one")], &followers, &limits(4, 8)).begin.len(), 1);
        // Who has waited for long finds room in its project once its connection is free.
        let patient = Waiting { waited: CLAIMS, ..in_project(8, "one") };
        let hasty = Waiting { connections: Vec::new(), ..in_project(9, "one") };
        let choice = choose(&[patient, hasty], &busy, &limits(4, 1));
        assert_eq!(choice.wait[1].1, "project one is kept for a run that has waited for long");
        let long = Waiting { expected: Some(IS_LONG), ..run(5, "long") };
        let long_works = [working(&long)];
        let another = Waiting { expected: Some(IS_LONG), ..run(6, "another") };
        let choice = choose(&[another], &long_works, &limits(2, 8));
        assert_eq!(choice.wait[0].1, "the last slot is kept for short runs");
        assert_eq!(choose(&[other], &long_works, &limits(2, 8)).begin.len(), 1);
    }

    #[test]
    fn those_that_follow_take_no_slot() {
        let follower = Working { follows: true, ..working(&run(1, "cdc")) };
        let followers = vec![follower; 5];
        let choice = choose(&[run(2, "copy")], &followers, &limits(1, 8));
        assert_eq!(choice.begin, ["000002"]);
    }

    /// What a run of a crowd takes at most.
    const SHORT: Duration = Duration::from_secs(300);

    fn any_run() -> impl Strategy<Value = Waiting> {
        let names = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..3);
        let job = (0..40usize, prop::sample::select(vec!["default", "one", "two"]), any::<bool>());
        (job, -10..=10i64, 0..5_000u64, prop::option::of(0..5_000u64), names).prop_map(
            |((job, project, alone), priority, waited, expected, connections)| {
                let job = format!("{project}-{job}");
                Waiting {
                    run: String::new(),
                    alone: alone.then(|| job.clone()),
                    job,
                    project: project.to_owned(),
                    priority,
                    waited: Duration::from_secs(waited),
                    expected: expected.map(Duration::from_secs),
                    connections: connections.into_iter().map(str::to_owned).collect(),
                    held: None,
                }
            },
        )
    }

    fn any_queue() -> impl Strategy<Value = Vec<Waiting>> {
        prop::collection::vec(any_run(), 0..40).prop_map(|mut runs| {
            for (at, run) in runs.iter_mut().enumerate() {
                run.run = format!("{at:06}");
            }
            runs
        })
    }

    proptest! {
        /// Nobody is lost, and no limit is broken.
        #[test]
        fn limits_hold_and_every_run_is_answered_for(
            queue in any_queue(), busy in any_queue(), slots in 1..6usize, per in 1..4usize
        ) {
            let limits = limits(slots, per);
            // What is at work got there under the same limits.
            let begun = choose(&busy, &[], &limits);
            let busy: Vec<Working> =
                busy.iter().filter(|w| begun.begin.contains(&w.run)).map(working).collect();
            let choice = choose(&queue, &busy, &limits);
            prop_assert_eq!(choice.begin.len() + choice.wait.len(), queue.len());
            let mut all = busy.clone();
            all.extend(queue.iter().filter(|w| choice.begin.contains(&w.run)).map(working));
            prop_assert!(all.len() <= slots);
            let mut alone = HashSet::new();
            let mut used: BTreeMap<&str, usize> = BTreeMap::new();
            for run in &all {
                if let Some(name) = &run.alone {
                    prop_assert!(alone.insert(name.clone()), "{} runs twice", name);
                }
                for name in &run.connections {
                    *used.entry(name).or_default() += 1;
                }
            }
            prop_assert!(used.values().all(|n| *n <= per), "{used:?}");
            for (project, limit) in &limits.projects {
                let runs = all.iter().filter(|w| w.project == *project).count();
                prop_assert!(runs <= *limit, "{runs} runs of project {project}");
            }
            let long = all.iter().filter(|w| is_long(w.expected)).count();
            prop_assert!(slots == 1 || long < slots, "{long} long runs in {slots} slots");
            // No slot stays empty that somebody could use.
            for (run, why) in &choice.wait {
                prop_assert!(all.len() == slots || !why.contains("slots are taken"), "{run}: {why}");
            }
        }
    }

    proptest! {
        // Each case is days of a crowded pool.
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// However many others come, of whatever priority and size, a run gets its turn.
        #[test]
        fn nobody_starves(
            mut patient in any_run(), slots in 1..4usize, per in 1..3usize,
            others in prop::collection::vec(any_run(), 20..60)
        ) {
            patient.run = "patient".into();
            patient.waited = Duration::ZERO;
            patient.job = "patient".into();
            patient.alone = patient.alone.map(|_| "patient".into());
            let limits = limits(slots, per);
            let step = Duration::from_secs(30);
            let mut queue = vec![patient];
            // What is at work, and for how long still.
            let mut busy: Vec<(Working, Duration)> = Vec::new();
            let mut come = 0;
            for _ in 0..4_000 {
                // More come at every step than can begin.
                for other in others.iter().cycle().skip(come % others.len()).take(6) {
                    come += 1;
                    let waited = Duration::ZERO;
                    // The pool is through with those that come before within the test's time.
                    let expected = other.expected.map(|time| time.min(SHORT));
                    let run = format!("{come:06}");
                    queue.push(Waiting { run, waited, expected, ..other.clone() });
                }
                busy.retain_mut(|(_, left)| {
                    *left = left.saturating_sub(step);
                    !left.is_zero()
                });
                let working_now: Vec<Working> = busy.iter().map(|(w, _)| w.clone()).collect();
                let choice = choose(&queue, &working_now, &limits);
                if choice.begin.contains(&"patient".to_owned()) {
                    return Ok(());
                }
                queue.retain(|w| {
                    let begins = choice.begin.contains(&w.run);
                    if begins {
                        busy.push((working(w), w.expected.unwrap_or(UNKNOWN).max(step)));
                    }
                    !begins
                });
                // Only the most urgent of the crowd are worth keeping for the test.
                let keep = |w: &Waiting| w.run == "patient" || w.priority >= 0;
                queue.retain(keep);
                queue.sort_by_key(|w| (w.run != "patient", std::cmp::Reverse(turn(w, &[]))));
                queue.truncate(200);
                queue.iter_mut().for_each(|w| w.waited += step);
            }
            prop_assert!(false, "it never got its turn");
        }
    }
}
