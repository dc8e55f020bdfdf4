//! Runs one decoder or encoder over the same rows, a number of turns: `cargo xtask bench
//! instructions` runs it under valgrind with two numbers of turns, and takes the difference.
//!
//! Without arguments it prints the names and the rows of a turn.

#![allow(clippy::print_stdout, reason = "a command line tool")]

mod rows;
mod turns;

use std::process::ExitCode;

use syncline_types::Result;

/// Rows of a turn.
const ROWS: usize = 500;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut cases = turns::all(ROWS)?;
    let [name, count] = args.as_slice() else {
        for (name, _) in &cases {
            println!("{name} {ROWS}");
        }
        return Ok(ExitCode::SUCCESS);
    };
    let found = cases.iter_mut().find(|(case, _)| case == name);
    let (Some((_, turn)), Ok(count)) = (found, count.parse::<usize>()) else {
        return Ok(ExitCode::from(2));
    };
    for _ in 0..count {
        turn()?;
    }
    Ok(ExitCode::SUCCESS)
}
