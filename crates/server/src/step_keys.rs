//! Keys of hashes that stand in the steps of jobs (`mask: { with: sha256, key: … }`).
//!
//! Whoever sees a job would see them. So a job is kept with `key: { secret: NAME }` in their place,
//! and the key itself is sealed beside the passwords. The name says nothing of the key to those who
//! do not have the server's own; the same key has the same name in all jobs, so that versions,
//! copies and exports of a job go on with it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use syncline_connector::Secret;
use syncline_engine::{Job, JobFile, fingerprint};
use syncline_store::{JobBody, Store};
use syncline_types::{Code, Error, Result};

use crate::secrets::Vault;

/// What has been done once all texts of an older state are without keys.
const NOTE: &str = "keys of steps are sealed";
/// From so many characters on a key is looked for in the rest of a text.
const TELLING: usize = 6;

/// Where a key is kept among the secrets.
fn place(name: &str) -> String {
    format!("keys/{name}")
}

/// The keys in the steps of a job.
fn keys_of(job: &mut Value) -> Vec<&mut Value> {
    let mut lists: Vec<&mut Vec<Value>> = Vec::new();
    let Some(sections) = job.as_object_mut() else { return Vec::new() };
    for (name, section) in sections {
        match (name.as_str(), section) {
            ("processors", Value::Object(sides)) => {
                lists.extend(sides.values_mut().filter_map(Value::as_array_mut));
            }
            ("source_processors" | "sink_processors", Value::Array(list)) => lists.push(list),
            _ => {}
        }
    }
    lists.into_iter().flatten().filter_map(|step| step.pointer_mut("/mask/key")).collect()
}

/// Puts names in the place of keys; returns the keys by their names.
fn take_out(vault: &Vault, job: &mut Value) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for key in keys_of(job) {
        let Value::String(text) = key else { continue };
        let mut name = vault.digest(format!("key of a step\0{text}").as_bytes())?;
        name.truncate(24);
        // A text in YAML whatever follows.
        name.insert(0, 'k');
        found.insert(name.clone(), std::mem::take(text));
        *key = json!({ "secret": name });
    }
    Ok(found)
}

fn keep(store: &Store, vault: &Vault, keys: &BTreeMap<String, String>) -> Result<()> {
    for (name, key) in keys {
        let sealed = vault.seal(&place(name), &Secret::new(key.clone()))?;
        store.save_secret(&place(name), &sealed)?;
    }
    Ok(())
}

/// Seals the keys that stand in a job which is about to be kept. Blocks.
///
/// # Errors
/// When the state cannot be written.
pub(crate) fn seal(store: &Store, vault: &Vault, body: &mut JobBody) -> Result<()> {
    if let Some((spec, yaml)) = sealed(store, vault, &body.spec, body.yaml.as_deref())? {
        (body.spec, body.yaml) = (spec, yaml);
    }
    Ok(())
}

/// The texts of a job without its keys, which are kept; `None` where there are none.
fn sealed(
    store: &Store,
    vault: &Vault,
    spec: &str,
    yaml: Option<&str>,
) -> Result<Option<(String, Option<String>)>> {
    let mut job: Value = serde_json::from_str(spec)
        .map_err(|e| Error::bug("a job that was read is no JSON").because(e))?;
    let keys = take_out(vault, &mut job)?;
    if keys.is_empty() {
        return Ok(None);
    }
    keep(store, vault, &keys)?;
    let spec = job.to_string();
    let yaml = yaml.and_then(|yaml| without(yaml, &keys, &spec));
    Ok(Some((spec, yaml)))
}

/// The same YAML with names in the place of keys; `None` where they cannot be found in it, or stand
/// elsewhere in it, too: it is written anew from the job then.
fn without(yaml: &str, keys: &BTreeMap<String, String>, spec: &str) -> Option<String> {
    let name_of = |text: &str| keys.iter().find(|(_, key)| *key == text).map(|(name, _)| name);
    let mut out = String::with_capacity(yaml.len());
    let mut rest = yaml;
    while let Some(at) = rest.find("key") {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let Some((head, token)) = value_after_key(found) else {
            out.push_str("key");
            rest = &found["key".len()..];
            continue;
        };
        out.push_str(head);
        match plain(token).and_then(|text| name_of(&text)) {
            Some(name) => out.push_str(&format!("{{ secret: {name} }}")),
            None => out.push_str(token),
        }
        rest = &found[head.len() + token.len()..];
    }
    out.push_str(rest);
    let same = |text: &str| JobFile::parse(text, "job").ok()?.to_value().ok();
    let leaks = keys.values().any(|key| key.chars().count() >= TELLING && out.contains(key));
    (!leaks && same(&out)? == same(spec)?).then_some(out)
}

/// What stands before a value on the line of `key: value`, and the value itself as it is written.
fn value_after_key(text: &str) -> Option<(&str, &str)> {
    let after = text["key".len()..].trim_start_matches(['"', '\'']);
    let value = after.trim_start_matches(' ').strip_prefix(':')?.trim_start_matches(' ');
    let head = &text[..text.len() - value.len()];
    let length = match value.chars().next()? {
        quote @ ('"' | '\'') => {
            let rest = &value[1..];
            let mut escaped = false;
            let end = rest.char_indices().find(|(at, c)| {
                // A quote within single quotes is doubled.
                let doubled = quote == '\'' && rest[at + c.len_utf8()..].starts_with(quote);
                let ends = *c == quote && !escaped && !doubled;
                let escapes = *c == if quote == '"' { '\\' } else { quote };
                escaped = escapes && !escaped;
                ends
            })?;
            end.0 + 2
        }
        _ => {
            let line = value.split('\n').next()?;
            let line = line.split(" #").next()?;
            line.split([',', '}']).next()?.trim_end().len()
        }
    };
    Some((head, &value[..length]))
}

/// The text that a value stands for, as far as it is written simply.
fn plain(token: &str) -> Option<String> {
    match token.chars().next()? {
        '"' => serde_json::from_str(token).ok(),
        '\'' => Some(token[1..token.len() - 1].replace("''", "'")),
        _ => Some(token.to_owned()),
    }
}

/// Puts the keys into a job that its steps name. Blocks.
///
/// # Errors
/// [`Code::SecretMissing`] for one that is not kept here; [`Code::WrongKey`].
pub(crate) fn open(store: &Store, vault: &Vault, job: &mut Job) -> Result<()> {
    for (side, steps) in [("source", &job.source_processors), ("sink", &job.sink_processors)] {
        for (at, step) in steps.iter().enumerate() {
            let name = step.pointer("/mask/key/secret").and_then(Value::as_str);
            let Some(name) = name.filter(|name| !job.keys.contains_key(*name)) else { continue };
            let kept = vault.find(store, &place(name))?.ok_or_else(|| {
                let message = format!("the key {name:?} is not kept here");
                Error::new(Code::SecretMissing, message)
                    .at(format!("processors.{side}[{at}].mask.key"))
                    .hint("give the key itself, as a text: it is sealed when the job is kept")
            })?;
            job.keys.insert(name.to_owned(), kept);
        }
    }
    Ok(())
}

/// Seals the keys in all jobs and runs that an older version has kept with them. Blocks.
///
/// # Errors
/// When the state cannot be read or written.
pub(crate) fn seal_stored(store: &Store, vault: &Vault) -> Result<()> {
    if store.is_noted(NOTE)? {
        return Ok(());
    }
    let mut jobs = Vec::new();
    for mut text in store.job_texts("\"mask\"")? {
        if let Some((spec, yaml)) = sealed(store, vault, &text.spec, text.yaml.as_deref())? {
            (text.spec, text.yaml) = (spec, yaml);
            jobs.push(text);
        }
    }
    let mut runs = Vec::new();
    for mut text in store.run_texts("\"mask\"")? {
        let Some((spec, _)) = sealed(store, vault, &text.spec, None)? else { continue };
        // A run that has not ended is known by its job, which reads otherwise now.
        let print = |spec: &str| serde_json::from_str::<Job>(spec).ok().map(|j| fingerprint(&j));
        if print(&text.spec).as_ref() == Some(&text.job)
            && let Some(now) = print(&spec)
        {
            text.job = now;
        }
        text.spec = spec;
        runs.push(text);
    }
    store.rewrite_texts(NOTE, &jobs, &runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"version: 1 # mine
source: { url: "stream:", tables: [keys] }
sink: { url: "stream:" }
processors:
  source:
    - mask: { columns: [a], with: sha256, key: s3cr3t-one } # the first
    - mask: { columns: [b], with: sha256, "key": "two \"quoted\"" }
    - mask:
        columns: [c]
        with: sha256
        key: 'it''s three'   # the third
    - mask: { columns: [d], with: sha256, key: { env: KEY } }
    - filter: "key: s3cr3t-other"
"#;

    fn vault() -> (tempfile::TempDir, Store, Vault) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let vault = Vault::open(&store, folder.path(), None, None).unwrap();
        (folder, store, vault)
    }

    fn body(yaml: &str) -> JobBody {
        let spec = JobFile::parse(yaml, "job").unwrap().to_value().unwrap().to_string();
        JobBody {
            spec,
            yaml: Some(yaml.to_owned()),
            description: String::new(),
            priority: 0,
            enabled: true,
        }
    }

    fn job(body: &JobBody) -> Job {
        JobFile::parse(&body.spec, "job").unwrap().resolve("j", "").unwrap()
    }

    #[test]
    fn keys_are_sealed_and_the_text_stays_what_it_was() {
        let (_folder, store, vault) = vault();
        let mut kept = body(JOB);
        seal(&store, &vault, &mut kept).unwrap();
        let yaml = kept.yaml.clone().unwrap();
        for text in [&kept.spec, &yaml] {
            for key in ["s3cr3t-one", "two ", "three'"] {
                assert!(!text.contains(key), "{key}: {text}");
            }
        }
        for comment in ["# mine", "} # the first", "# the third", "{ env: KEY }", "s3cr3t-other"] {
            assert!(yaml.contains(comment), "{yaml}");
        }
        let mut opened = job(&kept);
        open(&store, &vault, &mut opened).unwrap();
        let mut keys: Vec<&str> = opened.keys.values().map(Secret::expose).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["it's three", "s3cr3t-one", "two \"quoted\""]);
        // Written out it has none of them, and kept again it stays as it is.
        let written = serde_json::to_string(&opened).unwrap();
        assert!(!written.contains("s3cr3t-one"), "{written}");
        let before = kept.clone();
        seal(&store, &vault, &mut kept).unwrap();
        assert_eq!(kept, before);
    }

    #[test]
    fn a_key_that_stands_elsewhere_takes_the_text_with_it() {
        let (_folder, store, vault) = vault();
        for yaml in [
            JOB.replace("# the first", "# was s3cr3t-one"),
            JOB.replace("key: 'it''s three'", "key: >-\n          it's three\n"),
        ] {
            let mut kept = body(&yaml);
            seal(&store, &vault, &mut kept).unwrap();
            assert_eq!(kept.yaml, None, "{yaml}");
            assert!(!kept.spec.contains("s3cr3t-one") && !kept.spec.contains("three"));
        }
    }

    #[test]
    fn a_key_of_another_server_is_asked_for() {
        let (_folder, store, vault) = vault();
        let kept = body(&JOB.replace("s3cr3t-one", "{ secret: k0123 }"));
        let error = open(&store, &vault, &mut job(&kept)).unwrap_err();
        assert_eq!(error.code(), Code::SecretMissing);
        assert!(error.message().starts_with("processors.source[0].mask.key"), "{error}");
    }
}
