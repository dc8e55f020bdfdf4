//! What a run takes of the processor, told apart from all else that its process does.
//!
//! Runs share one process and its threads. So a task that works for a run looks at the clock of its
//! thread before and after each time it is polled, and the difference is the run's. Whoever spawns
//! a task, or work for a thread, on behalf of the one it is called by wraps it with
//! [`Cpu::carry`] or [`Cpu::carry_work`]: without it, what that takes is nobody's.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Time of the processor that is counted together. Clones count as one.
#[derive(Debug, Clone, Default)]
pub struct Cpu(Arc<AtomicU64>);

thread_local! {
    /// For whom this thread works.
    static HERE: RefCell<Option<Counting>> = const { RefCell::new(None) };
}

/// A thread at work for somebody.
struct Counting {
    cpu: Cpu,
    /// Where the thread's clock was, in nanoseconds, when it was last looked at.
    looked: u64,
}

impl Counting {
    fn add(&mut self) {
        let now = thread_clock();
        self.cpu.0.fetch_add(now.saturating_sub(self.looked), Relaxed);
        self.looked = now;
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
        HERE.with_borrow_mut(|here| {
            if let Some(counting) = here {
                counting.add();
            }
        });
    }

    fn here() -> Option<Self> {
        HERE.with_borrow(|here| here.as_ref().map(|counting| counting.cpu.clone()))
    }
}

/// The thread works for somebody until this is dropped.
struct Working {
    began: bool,
}

impl Working {
    fn begin(cpu: Option<&Cpu>) -> Self {
        let began = HERE.with_borrow_mut(|here| match (cpu, &here) {
            (Some(cpu), None) => {
                *here = Some(Counting { cpu: cpu.clone(), looked: thread_clock() });
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
        if self.began
            && let Some(mut counting) = HERE.take()
        {
            counting.add();
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
