//! What a run takes of the processor, told apart from all else that its process does.
//!
//! Runs share one process and its threads. So a task that works for a run looks at the time before
//! and after each time it is polled, and the difference is the run's. Whoever spawns
//! a task, or work for a thread, on behalf of the one it is called by wraps it with
//! [`Cpu::carry`] or [`Cpu::carry_work`]: without it, what that takes is nobody's.
//!
//! How long a thread has been on the processor only the kernel knows, and to ask it costs as much as
//! many a poll does. So polls are timed by the clock on the wall, which costs next to nothing, and
//! the kernel is asked every two milliseconds: what was counted beyond what it says is taken off what
//! comes next.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long a thread goes by the clock on the wall alone.
const UNASKED: Duration = Duration::from_millis(2);

/// Time of the processor that is counted together. Clones count as one.
#[derive(Debug, Clone, Default)]
pub struct Cpu(Arc<AtomicU64>);

thread_local! {
    static HERE: RefCell<Here> = const { RefCell::new(Here::NOBODY) };
}

/// What a thread does, and for whom.
struct Here {
    /// For whom it works, or did last.
    cpu: Option<Cpu>,
    /// Since when it does; none while it works for nobody.
    since: Option<Instant>,
    /// When the kernel was last asked.
    asked: Option<Instant>,
    /// What it said: for how many nanoseconds the thread had been on the processor.
    clock: u64,
    /// Nanoseconds that have been timed since.
    timed: u64,
    /// Nanoseconds that were counted, and turned out to have been waited for the processor. So many
    /// are not counted of those that come.
    owed: u64,
}

impl Here {
    const NOBODY: Self = Self { cpu: None, since: None, asked: None, clock: 0, timed: 0, owed: 0 };

    /// From now on it works for `cpu`.
    fn begin(&mut self, cpu: &Cpu) {
        let now = Instant::now();
        let same = self.cpu.as_ref().is_some_and(|last| Arc::ptr_eq(&last.0, &cpu.0));
        if !same {
            (self.cpu, self.timed, self.owed) = (Some(cpu.clone()), 0, 0);
        }
        // What it did meanwhile was for somebody else.
        if !same || self.asked.is_none_or(|asked| now - asked >= UNASKED) {
            self.ask(now);
        }
        self.since = Some(now);
    }

    /// Asks the kernel: it may have been on the processor for less than was timed.
    fn ask(&mut self, now: Instant) {
        let clock = thread_clock();
        self.owed += self.timed.saturating_sub(clock.saturating_sub(self.clock));
        (self.asked, self.clock, self.timed) = (Some(now), clock, 0);
    }

    /// Counts what it has done since it was last counted.
    fn add(&mut self) {
        let (Some(since), Some(asked)) = (self.since, self.asked) else { return };
        let now = Instant::now();
        let timed = nanoseconds(now - since);
        self.since = Some(now);
        self.timed += timed;
        if now - asked >= UNASKED {
            self.ask(now);
        }
        let back = timed.min(self.owed);
        self.owed -= back;
        if let Some(cpu) = &self.cpu {
            cpu.0.fetch_add(timed - back, Relaxed);
        }
    }
}

impl Cpu {
    /// What has been counted, including what this thread does for it just now.
    pub fn taken(&self) -> Duration {
        Self::lap();
        Duration::from_nanos(self.0.load(Relaxed))
    }

    /// A task that counts here.
    pub fn task<F: Future>(&self, future: F) -> Counted<F> {
        Counted { cpu: Some(self.clone()), future: Box::pin(future) }
    }

    /// A task that counts where the task that makes it does.
    pub fn carry<F: Future>(future: F) -> Counted<F> {
        Counted { cpu: Self::here(), future: Box::pin(future) }
    }

    /// Work for a thread of its own that counts where the task that makes it does. Work that goes
    /// on for long calls [`Cpu::lap`] now and then.
    pub fn carry_work<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let cpu = Self::here();
        move || {
            let _working = Working::begin(cpu.as_ref());
            work()
        }
    }

    /// Adds what this thread has taken so far for the one it works for, if any.
    pub fn lap() {
        HERE.with_borrow_mut(Here::add);
    }

    fn here() -> Option<Self> {
        HERE.with_borrow(|here| here.since.and(here.cpu.clone()))
    }
}

/// The thread works for somebody until this is dropped.
struct Working {
    began: bool,
}

impl Working {
    fn begin(cpu: Option<&Cpu>) -> Self {
        let began = HERE.with_borrow_mut(|here| match cpu {
            Some(cpu) if here.since.is_none() => {
                here.begin(cpu);
                true
            }
            // What is done within the work of another is counted with that.
            _ => false,
        });
        Self { began }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.began {
            HERE.with_borrow_mut(|here| {
                here.add();
                here.since = None;
            });
        }
    }
}

/// A task whose time on the processor is counted.
pub struct Counted<F> {
    cpu: Option<Cpu>,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Counted<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Self { cpu, future } = &mut *self;
        let _working = Working::begin(cpu.as_ref());
        future.as_mut().poll(context)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long this thread has been on the processor, in nanoseconds.
fn thread_clock() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or(0) * 1_000_000_000 + nanoseconds.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Duration = Duration::from_millis(20);

    /// Keeps the processor busy, by its own clock.
    fn work(time: Duration) {
        let until = thread_clock() + u64::try_from(time.as_nanos()).unwrap();
        while thread_clock() < until {
            std::hint::spin_loop();
        }
    }

    fn poll<F: Future>(task: &mut Counted<F>) -> Poll<F::Output> {
        Pin::new(task).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[test]
    fn each_task_counts_for_its_own_and_waiting_for_nobody() {
        let (one, other) = (Cpu::default(), Cpu::default());
        let mut first = one.task(async {
            work(SOME);
            std::future::pending::<()>().await;
        });
        let mut second = other.task(async { work(3 * SOME) });
        assert!(poll(&mut first).is_pending());
        work(SOME);
        assert!(poll(&mut second).is_ready());
        std::thread::sleep(SOME);
        let (one, other) = (one.taken(), other.taken());
        assert!(one >= SOME && other >= 3 * SOME && one < other, "{one:?} {other:?}");
    }

    #[test]
    fn what_a_task_waits_for_within_a_poll_is_not_counted() {
        let cpu = Cpu::default();
        for short in [true, false] {
            let mut task = cpu.task(async move {
                // Many polls, each too short for the kernel to be asked after it, or one long one.
                for _ in 0..if short { 100 } else { 1 } {
                    work(SOME / 100);
                    let waited = if short { SOME / 100 } else { SOME };
                    std::thread::sleep(waited);
                    if short {
                        pause().await;
                    }
                }
            });
            while poll(&mut task).is_pending() {}
        }
        let taken = cpu.taken();
        let least = SOME + SOME / 100;
        // What it takes to sleep is little beside what is slept.
        assert!(taken >= least && taken < least + SOME, "{taken:?}");
    }

    /// Pending once.
    async fn pause() {
        let mut once = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut once, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    #[test]
    fn what_a_task_spawns_counts_for_it_once() {
        let cpu = Cpu::default();
        let mut carried = None;
        let mut task = cpu.task(async {
            let thread = std::thread::spawn(Cpu::carry_work(|| {
                work(SOME);
                Cpu::lap();
                work(SOME);
            }));
            thread.join().unwrap();
            // Within the task it is the task's already.
            Cpu::carry(async { work(SOME) }).await;
            carried = Some(Cpu::carry(async { work(SOME) }));
        });
        assert!(poll(&mut task).is_ready());
        drop(task);
        let mut carried = carried.unwrap();
        let before = cpu.taken();
        assert!(before >= 3 * SOME && before < 4 * SOME, "{before:?}");
        assert!(poll(&mut carried).is_ready());
        assert!(cpu.taken() >= before + SOME, "{before:?} {:?}", cpu.taken());
    }

    #[test]
    fn what_is_done_for_nobody_is_counted_nowhere() {
        assert!(poll(&mut Cpu::carry(async { work(SOME) })).is_ready());
        let cpu = Cpu::default();
        Cpu::carry_work(|| work(SOME))();
        assert_eq!(cpu.taken(), Duration::ZERO);
        // A task that panics works for nobody any more.
        let mut task = cpu.task(async { panic!("so it is meant") });
        let panicked = std::panic::AssertUnwindSafe(|| poll(&mut task).is_ready());
        assert!(std::panic::catch_unwind(panicked).is_err());
        assert!(Cpu::here().is_none());
    }
}
