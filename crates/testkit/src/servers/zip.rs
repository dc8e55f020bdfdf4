//! Reads a zip archive through byte ranges, so that members can be fetched without the rest.
//!
//! As in PKWARE's APPNOTE 6.3.10, sections 4.3.6 to 4.3.16; without zip64 and encryption. Own, as
//! crates read archives through one reader that seeks: they fetch member by member, and not what lies
//! close together at once.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Component, Path};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Fetches a range: `first-last`, both included, or `-count` for the end.
type Fetch = Box<dyn Fn(&str) -> Result<Vec<u8>, String>>;

/// Members further apart than this are fetched with separate requests.
const GAP: u64 = 1 << 20;

/// An archive whose directory has been read.
pub(super) struct Archive {
    fetch: Fetch,
    members: Vec<Member>,
    /// Where the directory begins, and the last member ends.
    end: u64,
}

struct Member {
    name: String,
    offset: u64,
    packed: u64,
    crc: u32,
    deflated: bool,
    mode: u32,
}

impl Archive {
    /// Reads the directory of the archive behind `fetch`.
    pub(super) fn open(fetch: Fetch) -> Result<Self, String> {
        let tail = fetch("-66000")?;
        let at = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or("not a zip archive")?;
        let (size, offset) = (word(&tail, at + 12)?, word(&tail, at + 16)?);
        if offset == u64::from(u32::MAX) {
            return Err("a zip64 archive".to_owned());
        }
        let directory = fetch(&format!("{offset}-{}", offset + size.max(1) - 1))?;
        let mut members = Vec::new();
        let mut at = 0;
        while directory.get(at..at + 4) == Some(b"PK\x01\x02") {
            let half = |i| half(&directory, at + i);
            let (name, extra, comment) = (half(28)?, half(30)?, half(32)?);
            let text = directory.get(at + 46..at + 46 + name).ok_or("directory cut short")?;
            members.push(Member {
                name: String::from_utf8_lossy(text).into_owned(),
                offset: word(&directory, at + 42)?,
                packed: word(&directory, at + 20)?,
                crc: u32::try_from(word(&directory, at + 16)?).unwrap_or(u32::MAX),
                deflated: half(10)? == 8,
                mode: u32::try_from(word(&directory, at + 38)? >> 16).unwrap_or(0),
            });
            at += 46 + name + extra + comment;
        }
        members.sort_by_key(|member| member.offset);
        Ok(Self { fetch, members, end: offset })
    }

    /// The archive in a file.
    pub(super) fn local(path: &Path) -> Result<Self, String> {
        let mut file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let length = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        let path = path.to_owned();
        Self::open(Box::new(move |range| {
            let (first, last) = range.split_once('-').ok_or("no range")?;
            let last: u64 = last.parse().map_err(|_| "no number")?;
            let (first, last) = match first.parse::<u64>() {
                Ok(first) => (first, last),
                Err(_) => (length.saturating_sub(last), length.saturating_sub(1)),
            };
            let mut file = File::open(&path).map_err(|e| e.to_string())?;
            file.seek(SeekFrom::Start(first)).map_err(|e| e.to_string())?;
            let mut bytes = Vec::new();
            file.take(last + 1 - first).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
            Ok(bytes)
        }))
    }

    /// Writes the members whose names (without the archive's one top folder, if it has one) are
    /// wanted under `folder`.
    pub(super) fn extract(
        &self,
        folder: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(), String> {
        let top = self.top_folder();
        let chosen: Vec<(usize, &str)> = self
            .members
            .iter()
            .enumerate()
            .filter_map(|(i, m)| Some((i, m.name.strip_prefix(&top)?)))
            .filter(|(_, name)| !name.is_empty() && !name.ends_with('/') && wanted(name))
            .collect();
        let mut rest = chosen.as_slice();
        while let Some((first, _)) = rest.first() {
            let begin = self.members[*first].offset;
            let mut count = 1;
            while rest
                .get(count)
                .is_some_and(|(i, _)| self.members[*i].offset - self.ends(rest[count - 1].0) < GAP)
            {
                count += 1;
            }
            let bytes = (self.fetch)(&format!("{begin}-{}", self.ends(rest[count - 1].0) - 1))?;
            for (index, name) in &rest[..count] {
                let member = &self.members[*index];
                let from = usize::try_from(member.offset - begin).map_err(|e| e.to_string())?;
                write(member, bytes.get(from..).ok_or("range cut short")?, &folder.join(name))?;
            }
            rest = &rest[count..];
        }
        Ok(())
    }

    /// A member ends where the next begins.
    fn ends(&self, index: usize) -> u64 {
        self.members.get(index + 1).map_or(self.end, |next| next.offset)
    }

    fn top_folder(&self) -> String {
        let tops = self.members.iter().map(|m| m.name.split_once('/').map(|(top, _)| top));
        let mut tops: Vec<Option<&str>> = tops.collect();
        tops.sort_unstable();
        tops.dedup();
        match tops.as_slice() {
            // Maven's own archives have META-INF beside the rest.
            [Some(top)] if *top != "META-INF" => format!("{top}/"),
            _ => String::new(),
        }
    }
}

fn write(member: &Member, bytes: &[u8], path: &Path) -> Result<(), String> {
    let place = path.display();
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(format!("{place} leaves the folder"));
    }
    if bytes.get(..4) != Some(b"PK\x03\x04") {
        return Err(format!("{place}: no member at its offset"));
    }
    let begin = 30 + half(bytes, 26)? + half(bytes, 28)?;
    let packed = usize::try_from(member.packed).map_err(|e| e.to_string())?;
    let packed = bytes.get(begin..begin + packed).ok_or("member cut short")?;
    let mut content = Vec::new();
    if member.deflated {
        DeflateDecoder::new(packed)
            .read_to_end(&mut content)
            .map_err(|e| format!("{place}: {e}"))?;
    } else {
        content.extend_from_slice(packed);
    }
    let mut crc = Crc::new();
    crc.update(&content);
    if crc.sum() != member.crc {
        return Err(format!("{place}: wrong checksum"));
    }
    let io = |e: std::io::Error| format!("{place}: {e}");
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(io)?;
    }
    if member.mode & 0o170_000 == 0o120_000 {
        let target = String::from_utf8_lossy(&content).into_owned();
        return std::os::unix::fs::symlink(target, path).map_err(io);
    }
    File::create(path).and_then(|mut file| file.write_all(&content)).map_err(io)?;
    // Archives made on other systems carry no modes: then programs are those in `bin/`.
    let program = path.parent().is_some_and(|parent| parent.ends_with("bin"));
    let mode = if program { 0o755 } else { 0o644 | (member.mode & 0o111) };
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions).map_err(io)
}

fn half(bytes: &[u8], at: usize) -> Result<usize, String> {
    let found = bytes.get(at..at + 2).and_then(|b| b.try_into().ok());
    Ok(usize::from(u16::from_le_bytes(found.ok_or("archive cut short")?)))
}

fn word(bytes: &[u8], at: usize) -> Result<u64, String> {
    let found = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
    Ok(u64::from(u32::from_le_bytes(found.ok_or("archive cut short")?)))
}
