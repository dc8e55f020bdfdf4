//! The steps of a scenario, as they stand in `case.txt`.

use super::stage::{Side, Stage};

/// What a scenario does and expects, in order.
#[derive(Debug)]
pub(super) struct Script {
    steps: Vec<(usize, Step)>,
}

#[derive(Debug, PartialEq)]
enum Step {
    /// `$ copy …`: runs the program.
    Run(String),
    /// `exit 2`: what the last run ended with; 0 where it is not said.
    Exit(i32),
    /// `out TEXT`, `err TEXT`: what the last run said.
    Says { error: bool, text: String },
    /// `> SELECT …` and `source> SELECT …`, with the rows below.
    Query { side: Side, sql: String, rows: Vec<String> },
    /// `! UPDATE …` and `source! UPDATE …`.
    Execute { side: Side, sql: String },
    /// `file PATH`, with its content below.
    File { path: String, lines: Vec<String> },
    /// `missing PATH`.
    Missing(String),
}

impl Script {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((number, line)) = lines.next() {
            let mut below = || -> Vec<String> {
                let mut block = Vec::new();
                while let Some((_, line)) = lines.next_if(|(_, line)| !line.is_empty()) {
                    block.push(line.to_owned());
                }
                block
            };
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let rest = rest.trim().to_owned();
            let step = match word {
                "" | "#" => continue,
                "$" => Step::Run(rest),
                "exit" => Step::Exit(rest.parse().map_err(|_| format!("line {}", number + 1))?),
                "out" | "err" => Step::Says { error: word == "err", text: rest },
                ">" => Step::Query { side: Side::Target, sql: rest, rows: below() },
                "source>" => Step::Query { side: Side::Source, sql: rest, rows: below() },
                "!" => Step::Execute { side: Side::Target, sql: rest },
                "source!" => Step::Execute { side: Side::Source, sql: rest },
                "file" => Step::File { path: rest, lines: below() },
                "missing" => Step::Missing(rest),
                other => return Err(format!("line {}: {other:?} is no step", number + 1)),
            };
            steps.push((number + 1, step));
        }
        if !steps.iter().any(|(_, step)| matches!(step, Step::Run(_))) {
            return Err("nothing is run".to_owned());
        }
        Ok(Self { steps })
    }

    pub(super) fn play(&self, stage: &mut Stage) -> Result<(), String> {
        for (index, (line, step)) in self.steps.iter().enumerate() {
            let at = |why: String| format!("line {line}: {why}");
            self.play_one(step, stage).map_err(at)?;
            let exit_follows = matches!(self.steps.get(index + 1), Some((_, Step::Exit(_))));
            if matches!(step, Step::Run(_)) && !exit_follows {
                stage.ended_with(0).map_err(at)?;
            }
        }
        Ok(())
    }

    fn play_one(&self, step: &Step, stage: &mut Stage) -> Result<(), String> {
        match step {
            Step::Run(line) => stage.run(&words(line)?),
            Step::Exit(code) => stage.ended_with(*code),
            Step::Says { error, text } => stage.said(*error, text),
            Step::Query { side, sql, rows } => same(&stage.query(*side, sql)?, rows),
            Step::Execute { side, sql } => stage.execute(*side, sql),
            Step::File { path, lines } => {
                let text = std::fs::read_to_string(stage.path(path));
                let text = text.map_err(|e| format!("{path}: {e}"))?;
                same(&text.lines().map(str::to_owned).collect::<Vec<_>>(), lines)
            }
            Step::Missing(path) if stage.path(path).exists() => Err(format!("{path} is there")),
            Step::Missing(_) => Ok(()),
        }
    }
}

fn same(got: &[String], wanted: &[String]) -> Result<(), String> {
    if got == wanted {
        return Ok(());
    }
    Err(format!("expected:\n{}\ngot:\n{}", wanted.join("\n"), got.join("\n")))
}

/// Splits a command line at spaces; single or double quotes hold a word together.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for c in line.chars() {
        match c {
            c if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_would() {
        let line = "copy ${SOURCE} 'out/{table}.csv?null=' --where \"a = 'x'\" 'b = \"y\"' ''";
        let wanted =
            ["copy", "${SOURCE}", "out/{table}.csv?null=", "--where", "a = 'x'", "b = \"y\"", ""];
        assert_eq!(words(line).unwrap(), wanted);
        assert!(words("a 'b").is_err());
        assert!(words("a 'b\"").is_err());
    }

    #[test]
    fn steps_and_their_blocks_are_read() {
        let text = "# why\n$ copy a b\nexit 2\nerr E0207\n\n> SELECT 1\n1\t\\N\n\nsource! X\n";
        let steps: Vec<Step> =
            Script::parse(text).unwrap().steps.into_iter().map(|(_, step)| step).collect();
        assert_eq!(
            steps,
            [
                Step::Run("copy a b".into()),
                Step::Exit(2),
                Step::Says { error: true, text: "E0207".into() },
                Step::Query {
                    side: Side::Target,
                    sql: "SELECT 1".into(),
                    rows: vec!["1\t\\N".into()]
                },
                Step::Execute { side: Side::Source, sql: "X".into() },
            ]
        );
    }

    #[test]
    fn a_slip_is_no_step_that_always_holds() {
        assert!(Script::parse("$ copy a b\nexpect 1").unwrap_err().contains("line 2"));
        assert!(Script::parse("> SELECT 1\n1").is_err());
    }
}
