//! Points of a run's charts, kept in memory, so that a page that is opened anew shows them.
//!
//! The last ten minutes are kept by the second, the last day by the minute. They stay for a while
//! after the run has come to rest, and it goes on with them when it is taken up again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Points by the second.
const SECONDS: usize = 600;
/// Points by the minute.
const MINUTES: usize = 24 * 60;
/// Points told at most.
const TOLD: usize = 720;
/// Runs at rest of which points are kept.
const RUNS: usize = 128;
/// How long they are.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How fast a run was at a moment, or over a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// Rows written in a second.
    pub(crate) rows_per_second: u64,
    /// What it took of the processor, in percent of one core.
    pub(crate) cpu_percent: u64,
    /// How far it was behind its source, in milliseconds.
    pub(crate) lag_ms: Option<u64>,
}

/// Points of one run.
#[derive(Default)]
pub(crate) struct Samples(Mutex<Points>);

#[derive(Default)]
struct Points {
    seconds: VecDeque<Point>,
    minutes: VecDeque<Point>,
    minute: Option<Minute>,
}

/// A minute that is not over.
#[derive(Clone, Copy, Default)]
struct Minute {
    begins: i64,
    rates: u64,
    cpu: u64,
    points: u64,
    lag_ms: Option<u64>,
}

impl Minute {
    /// Its mean speed and its largest lag.
    fn point(self) -> Point {
        let points = self.points.max(1);
        let (rows_per_second, cpu_percent) = (self.rates / points, self.cpu / points);
        Point { at: self.begins, rows_per_second, cpu_percent, lag_ms: self.lag_ms }
    }
}

impl Samples {
    fn points(&self) -> MutexGuard<'_, Points> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what is so at a moment. Of several within one second the last one counts.
    pub(super) fn take(&self, point: Point) {
        let mut points = self.points();
        let Points { seconds, minutes, minute } = &mut *points;
        match seconds.back_mut() {
            Some(last) if last.at / 1000 >= point.at / 1000 => {
                *last = Point { at: last.at, ..point };
                return;
            }
            _ => push(seconds, point, SECONDS),
        }
        let begins = point.at - point.at.rem_euclid(60_000);
        if let Some(over) = minute.filter(|m| m.begins != begins) {
            push(minutes, over.point(), MINUTES);
            *minute = None;
        }
        let open = minute.get_or_insert(Minute { begins, ..Minute::default() });
        open.rates = open.rates.saturating_add(point.rows_per_second);
        open.cpu = open.cpu.saturating_add(point.cpu_percent);
        open.points += 1;
        open.lag_ms = open.lag_ms.max(point.lag_ms);
    }

    /// The points of the last minutes, oldest first, and how many milliseconds lie between two.
    pub(crate) fn last(&self, minutes: u32, now: i64) -> (u64, Vec<Point>) {
        let points = self.points();
        let since = now - i64::from(minutes) * 60_000;
        let fits = |point: &&Point| point.at >= since;
        if minutes as usize * 60 <= SECONDS {
            return (1000, points.seconds.iter().filter(fits).copied().collect());
        }
        let open = points.minute.map(Minute::point);
        let all: Vec<Point> =
            points.minutes.iter().chain(open.as_ref()).filter(fits).copied().collect();
        let each = (minutes as usize).div_ceil(TOLD).max(1);
        (60_000 * each as u64, all.chunks(each).map(together).collect())
    }
}

fn push(points: &mut VecDeque<Point>, point: Point, most: usize) {
    if points.len() == most {
        points.pop_front();
    }
    points.push_back(point);
}

/// Several points as one: the mean speed, the largest lag.
fn together(points: &[Point]) -> Point {
    let mean = |of: fn(&Point) -> u64| {
        points.iter().map(of).fold(0, u64::saturating_add) / (points.len() as u64).max(1)
    };
    Point {
        at: points.first().map_or(0, |p| p.at),
        rows_per_second: mean(|p| p.rows_per_second),
        cpu_percent: mean(|p| p.cpu_percent),
        lag_ms: points.iter().filter_map(|p| p.lag_ms).max(),
    }
}

/// Points of the runs of a node.
#[derive(Default)]
pub(super) struct AllSamples(Mutex<HashMap<String, (Instant, Arc<Samples>)>>);

impl AllSamples {
    fn all(&self) -> MutexGuard<'_, HashMap<String, (Instant, Arc<Samples>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of a run that is taken up: it goes on with what it had.
    pub(super) fn of(&self, run: &str) -> Arc<Samples> {
        let mut all = self.all();
        let at_rest = |samples: &Arc<Samples>| Arc::strong_count(samples) == 1;
        all.retain(|_, (since, samples)| !at_rest(samples) || since.elapsed() < KEPT);
        while all.values().filter(|(_, samples)| at_rest(samples)).count() > RUNS {
            let oldest = all.iter().filter(|(_, (_, samples))| at_rest(samples));
            let oldest = oldest.min_by_key(|(_, (since, _))| *since).map(|(run, _)| run.clone());
            oldest.map(|run| all.remove(&run));
        }
        let entry = all.entry(run.to_owned()).or_insert_with(|| (Instant::now(), Arc::default()));
        entry.0 = Instant::now();
        Arc::clone(&entry.1)
    }

    /// Those of a run, where there are any.
    pub(super) fn find(&self, run: &str) -> Option<Arc<Samples>> {
        self.all().get(run).map(|(_, samples)| Arc::clone(samples))
    }

    /// Forgets those of a run that is no more.
    pub(super) fn forget(&self, run: &str) {
        self.all().remove(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(second: i64, rows_per_second: u64, lag_ms: Option<u64>) -> Point {
        Point { at: second * 1000, rows_per_second, cpu_percent: 2 * rows_per_second, lag_ms }
    }

    #[test]
    fn the_last_minutes_are_by_the_second_and_a_day_by_the_minute() {
        let samples = Samples::default();
        let hours = 30 * 3600;
        for second in 0..hours {
            let lag = u64::try_from(second % 60).unwrap();
            samples.take(point(second, if second % 2 == 0 { 10 } else { 20 }, Some(lag)));
        }
        let now = (hours - 1) * 1000;
        let (every, last) = samples.last(10, now);
        assert_eq!((every, last.len()), (1000, 600));
        assert_eq!(last.last().copied(), Some(point(hours - 1, 20, Some(59))));
        let (every, hour) = samples.last(60, now);
        assert_eq!((every, hour.len()), (60_000, 60));
        assert!(hour.iter().all(|p| *p == point(p.at / 1000, 15, Some(59))), "{hour:?}");
        let (every, day) = samples.last(24 * 60, now);
        assert_eq!((every, day.len()), (120_000, 720));
        assert!(day.windows(2).all(|two| two[0].at < two[1].at));
    }

    #[test]
    fn a_second_has_one_point_and_a_clock_that_is_put_back_none() {
        let samples = Samples::default();
        samples.take(point(100, 1, None));
        samples.take(Point { at: 100_900, ..point(100, 2, None) });
        samples.take(point(50, 3, Some(4)));
        samples.take(point(101, 5, None));
        let (_, told) = samples.last(10, 101_000);
        assert_eq!(told, [point(100, 3, Some(4)), point(101, 5, None)]);
    }

    #[test]
    fn a_run_goes_on_with_its_points_and_those_at_rest_are_forgotten_first() {
        let all = AllSamples::default();
        let working = all.of("working");
        working.take(point(1, 1, None));
        for n in 0..2 * RUNS {
            all.of(&n.to_string()).take(point(1, 1, None));
        }
        assert!(all.all().len() <= RUNS + 3, "{}", all.all().len());
        assert_eq!(all.of("working").last(10, 1000).1.len(), 1);
        assert!(all.find("0").is_none() && all.find(&(2 * RUNS - 1).to_string()).is_some());
        all.forget("working");
        assert!(all.find("working").is_none());
    }
}
