//! What the process needs, by the names that Prometheus' own clients use.

use std::sync::{Mutex, PoisonError};

use prometheus::{Counter, Gauge, IntGauge, IntGaugeVec, Opts, Registry, Result};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// What the process needs.
pub(crate) struct Process {
    system: Mutex<System>,
    pid: Pid,
    started: Gauge,
    seconds: Counter,
    resident: IntGauge,
    open_files: IntGauge,
}

/// What it needs right now.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// Of one core, in percent, since the last time somebody asked.
    pub(crate) cpu_percent: f32,
    /// Memory in RAM.
    pub(crate) rss_bytes: u64,
}

impl Process {
    pub(super) fn new(registry: &Registry) -> Result<Self> {
        let started = Gauge::new(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970.",
        )?;
        let seconds = Counter::new("process_cpu_seconds_total", "Seconds of CPU it has used.")?;
        let resident = IntGauge::new("process_resident_memory_bytes", "Memory it has in RAM.")?;
        let open_files = IntGauge::new("process_open_fds", "Files and lines it has open.")?;
        registry.register(Box::new(started.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(resident.clone()))?;
        registry.register(Box::new(open_files.clone()))?;
        let about = Opts::new("syncline_build_info", "The version that runs.");
        let build = IntGaugeVec::new(about, &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        registry.register(Box::new(build))?;
        let pid = Pid::from_u32(std::process::id());
        let system = System::new().map_err(|e| prometheus::Error::Msg(e.to_string()))?;
        let system = Mutex::new(system);
        let process = Self { system, pid, started, seconds, resident, open_files };
        process.refresh();
        Ok(process)
    }

    /// Looks again.
    pub(crate) fn refresh(&self) -> Needs {
        let mut system = self.system.lock().unwrap_or_else(PoisonError::into_inner);
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.pid]), false, what);
        let Some(process) = system.process(self.pid) else { return Needs::default() };
        #[allow(clippy::cast_precision_loss, reason = "seconds and milliseconds, far below 2^52")]
        {
            self.started.set(process.start_time() as f64);
            let used = process.accumulated_cpu_time() as f64 / 1000.0;
            self.seconds.inc_by((used - self.seconds.get()).max(0.0));
        }
        let rss = process.memory();
        self.resident.set(i64::try_from(rss).unwrap_or(i64::MAX));
        let files = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_files.set(i64::try_from(files).unwrap_or(i64::MAX));
        Needs { cpu_percent: process.cpu_usage(), rss_bytes: rss }
    }
}
