//! Character sets: how the servers spell them, and how wide their characters are.

/// The name as the catalog shows it.
pub(super) fn charset_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if lower == "utf8" { "utf8mb3".into() } else { lower }
}

/// The name as the catalog shows it.
pub(super) fn collation_name(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    match lower.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => lower,
    }
}

/// Bytes that one character takes at most.
pub(super) fn width(charset: &str) -> u64 {
    match charset {
        "utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030" => 4,
        "utf8mb3" | "utf8" | "ujis" | "eucjpms" => 3,
        "ucs2" | "gbk" | "sjis" | "big5" | "euckr" | "cp932" | "gb2312" => 2,
        _ => 1,
    }
}
