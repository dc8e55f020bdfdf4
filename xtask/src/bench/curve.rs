//! How the cost of a row changes with the number of rows and with `--parallel`, as a picture.

use std::fmt::Write as _;

use super::Curve;
use super::data::{self, Table};
use super::measure::{self, Usage, median};
use super::rounds::binary;
use super::routes::{Route, Trip};
use super::servers::Servers;
use crate::workspace::root;

/// One point: what stands below it, CPU seconds a million rows, rows a second.
struct Point {
    label: String,
    cpu: f64,
    speed: f64,
}

/// Measures both curves, prints them, and draws them into `docs/performance.svg`.
pub(super) fn run(curve: &Curve) -> Result<(), String> {
    let (route, table) = (Route::parse(&curve.route)?, Table::parse(&curve.table)?);
    let (Some(most), Some(least)) = (curve.rows.iter().max(), curve.parallel.iter().min()) else {
        return Err("no rows, or no --parallel".to_owned());
    };
    let (most, least, syncline) = (*most, *least, binary()?);
    let servers = Servers::start()?;
    let mut sizes = Vec::new();
    let mut widths = Vec::new();
    for rows in &curve.rows {
        let csv = table.csv(*rows)?;
        servers.fill(table, &csv)?;
        let trip = Trip::new(route, table, &servers, &csv, &syncline);
        trip.prepare()?;
        sizes.push(point(curve, &trip, *rows, least, &thousands(*rows))?);
        if *rows == most {
            for parallel in &curve.parallel {
                widths.push(point(curve, &trip, *rows, *parallel, &parallel.to_string())?);
            }
        }
        servers.drop_tables(table)?;
    }
    let name = format!("{}, {}", curve.route, curve.table);
    let over_rows = format!("{name}: over rows, --parallel {least}");
    let over_parallel = format!("{name}: over --parallel, {} rows", thousands(most));
    let drawn = draw(&[(over_rows, sizes), (over_parallel, widths)]);
    let path = root().join("docs").join("performance.svg");
    std::fs::write(&path, drawn).map_err(|e| format!("{}: {e}", path.display()))
}

fn point(
    curve: &Curve,
    trip: &Trip<'_>,
    rows: u64,
    parallel: usize,
    label: &str,
) -> Result<Point, String> {
    let mut usages: Vec<Usage> = Vec::new();
    let line = trip.by_syncline(&trip.syncline, parallel, &data::folder().join("events.jsonl"));
    for _ in 0..curve.rounds {
        trip.reset()?;
        usages.push(measure::run(&line, Some(trip.servers.pid))?);
    }
    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    let millions = rows as f64 / 1e6;
    let middle = |of: fn(&Usage) -> f64| median(usages.iter().map(of).collect());
    let cpu = middle(|u| u.cpu) / millions;
    let speed = millions * 1e6 / middle(|u| u.seconds);
    let (others, peak) = (middle(|u| u.others), middle(|u| u.peak_mib));
    println!(
        "{rows} rows, --parallel {parallel}: {cpu:.2} CPU s/M rows, {speed:.0} rows/s, \
         peak {peak:.0} MiB, others {others:.2} cores"
    );
    Ok(Point { label: label.to_owned(), cpu, speed })
}

/// `250k`, `1M`.
fn thousands(rows: u64) -> String {
    match rows {
        0..1_000_000 => format!("{}k", rows / 1_000),
        _ => format!("{}M", rows / 1_000_000),
    }
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 220.0;

/// A panel a curve: bars for CPU seconds, a line for rows a second, numbers at both.
fn draw(panels: &[(String, Vec<Point>)]) -> String {
    #[allow(clippy::cast_precision_loss, reason = "a count of panels")]
    let height = HEIGHT * panels.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let mut top = 0.0;
    for (title, points) in panels {
        panel(title, points, top, &mut svg);
        top += HEIGHT;
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(title: &str, points: &[Point], top: f64, svg: &mut String) {
    let most = |of: fn(&Point) -> f64| points.iter().map(of).fold(f64::MIN_POSITIVE, f64::max);
    let (most_cpu, most_speed) = (most(|p| p.cpu), most(|p| p.speed));
    let (floor, room) = (top + HEIGHT - 30.0, HEIGHT - 90.0);
    // Writing to memory cannot fail.
    let _ = writeln!(
        svg,
        "<text x=\"20\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>\n\
         <text x=\"20\" y=\"{:.0}\" fill=\"#3b6ea5\">bars: CPU s a million rows</text>\n\
         <text x=\"220\" y=\"{:.0}\" fill=\"#b5542a\">line: rows a second</text>",
        top + 20.0,
        top + 38.0,
        top + 38.0
    );
    #[allow(clippy::cast_precision_loss, reason = "a count of points")]
    let step = (WIDTH - 60.0) / points.len().max(1) as f64;
    let mut line = String::new();
    let mut x = 30.0 + step / 2.0;
    for point in points {
        let bar = point.cpu / most_cpu * room * 0.55;
        let dot = floor - point.speed / most_speed * room;
        let _ = writeln!(
            svg,
            "<rect x=\"{:.0}\" y=\"{:.0}\" width=\"36\" height=\"{bar:.0}\" fill=\"#9dbbd8\"/>\n\
             <text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#3b6ea5\">{:.2}</text>\n\
             <circle cx=\"{x:.0}\" cy=\"{dot:.0}\" r=\"3\" fill=\"#b5542a\"/>\n\
             <text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#b5542a\">{:.0}k</text>\n\
             <text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>",
            x - 18.0,
            floor - bar,
            floor - 4.0,
            point.cpu,
            dot - 8.0,
            point.speed / 1000.0,
            floor + 18.0,
            point.label
        );
        let _ = write!(line, "{x:.0},{dot:.0} ");
        x += step;
    }
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#b5542a\" stroke-width=\"1.5\"/>",
        line.trim_end()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_the_picture() {
        let point = |label: &str, cpu, speed| Point { label: label.to_owned(), cpu, speed };
        let points = vec![point("1M", 1.0, 200_000.0), point("4M", 1.25, 100_000.0)];
        let svg = draw(&[("over rows".to_owned(), points)]);
        for part in ["over rows", ">1M<", ">4M<", ">1.25<", ">200k<", "</svg>"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!([thousands(250_000), thousands(4_000_000)], ["250k", "4M"]);
    }
}
