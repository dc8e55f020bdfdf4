//! A value about halfway between two keys: a guess that the server's own order then checks.

use syncline_sql::KeyValue;

/// A key between `low` and `high` in its first column that differs; `None` when there is none, or
/// when the values are of kinds that have no middle. It may have fewer values than the key.
pub(crate) fn midway(low: &[KeyValue], high: &[KeyValue]) -> Option<Vec<KeyValue>> {
    let at = low.iter().zip(high).position(|(l, h)| l != h)?;
    let mut key = low[..at].to_vec();
    key.push(between(&low[at], &high[at])?);
    // Between neighbours such as (1, x) and (2, y) lies (1, anything): the border of the column.
    let same = key.len() == low.len() && (key == low || key == high);
    (!same).then_some(key)
}

fn between(low: &KeyValue, high: &KeyValue) -> Option<KeyValue> {
    use KeyValue::{Bytes, Date, Decimal, Duration, Instant, Int, Text, Time, Timestamp, Uuid};
    Some(match (low, high) {
        // Rounds down: halfway from 1 to 2 is 1.
        (Int(l), Int(h)) => Int(l.checked_add(h.checked_sub(*l)?.div_euclid(2))?),
        (Date(l), Date(h)) => Date(l + (h - l).div_euclid(2)),
        (Timestamp(l), Timestamp(h)) => Timestamp(l + (h - l).div_euclid(2)),
        (Instant(l), Instant(h)) => {
            // The servers' TIMESTAMP has whole days only from 1970 on: any instant between is one.
            Instant(l + (h - l).div_euclid(2))
        }
        (Time(l), Time(h)) => Time(l + (h - l).div_euclid(2)),
        (Duration(l), Duration(h)) => Duration(l + (h - l).div_euclid(2)),
        (Decimal(l), Decimal(h)) => Decimal(decimal(l, h)?),
        (Bytes(l), Bytes(h)) => Bytes(bytes(l, h)?),
        (Uuid(l), Uuid(h)) => Uuid(uuid(l, h)?),
        (Text(l), Text(h)) => Text(text(l, h)?),
        _ => return None,
    })
}

/// Halfway between two plain decimals, at the finer of their scales.
fn decimal(low: &str, high: &str) -> Option<String> {
    let scale_of = |t: &str| t.split_once('.').map_or(0, |(_, f)| f.len());
    let scale = scale_of(low).max(scale_of(high));
    let parse = |t: &str| -> Option<i128> {
        let digits: String = t.chars().filter(|c| *c != '.').collect();
        let shift = u32::try_from(scale - scale_of(t)).ok()?;
        digits.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(shift)?)
    };
    let (low, high) = (parse(low)?, parse(high)?);
    let middle = low.checked_add(high.checked_sub(low)?.div_euclid(2))?;
    let sign = if middle < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", middle.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    Some(if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// Halfway between two byte strings read as fractions in base 256.
fn bytes(low: &[u8], high: &[u8]) -> Option<Vec<u8>> {
    let digits = |at: usize| {
        let l = low.get(at).copied().map_or(0, u32::from);
        (l, high.get(at).copied().map_or(0, u32::from))
    };
    let middle = fraction(low.len().max(high.len()), 256, digits)?;
    Some(middle.into_iter().filter_map(|d| u8::try_from(d).ok()).collect())
}

/// Halfway between two UUIDs in MariaDB's order, which compares the groups from the last to the
/// first (so that those made from one clock lie together).
fn uuid(low: &str, high: &str) -> Option<String> {
    const GROUPS: [std::ops::Range<usize>; 5] = [20..32, 16..20, 12..16, 8..12, 0..8];
    let turned = |t: &str| -> Option<u128> {
        let digits: String = t.chars().filter(|c| *c != '-').collect();
        let groups: Option<String> = GROUPS.iter().map(|g| digits.get(g.clone())).collect();
        u128::from_str_radix(&groups?, 16).ok()
    };
    let (low, high) = (turned(low)?, turned(high)?);
    let middle = low.min(high) + low.abs_diff(high) / 2;
    let digits = format!("{middle:032x}");
    // Back: the groups of 12, 4, 4, 4 and 8 digits, last to first.
    let groups =
        [&digits[24..32], &digits[20..24], &digits[16..20], &digits[12..16], &digits[..12]];
    Some(groups.join("-"))
}

/// Halfway between two texts read as fractions whose digits are characters.
fn text(low: &str, high: &str) -> Option<String> {
    let (low, high): (Vec<char>, Vec<char>) = (low.chars().collect(), high.chars().collect());
    let digits = |at: usize| {
        let l = low.get(at).map_or(0, |c| u32::from(*c));
        (l, high.get(at).map_or(0, |c| u32::from(*c)))
    };
    let middle = fraction(low.len().max(high.len()), 0x11_0000, digits)?;
    // What is no character, or a control character, is replaced by one near by.
    let near = |d: u32| match d {
        0..=0x1F => ' ',
        0xD800..=0xDFFF => '\u{D7FF}',
        d => char::from_u32(d).unwrap_or('\u{FFFD}'),
    };
    Some(middle.into_iter().map(near).collect())
}

/// The digits of the middle, as few as tell it from both ends.
fn fraction(length: usize, base: u32, digits: impl Fn(usize) -> (u32, u32)) -> Option<Vec<u32>> {
    let mut middle = Vec::new();
    for at in 0..=length {
        let (l, h) = digits(at);
        if l == h {
            middle.push(l);
            continue;
        }
        if l > h {
            // The server's order is not that of the code points.
            middle.push(h + (l - h) / 2);
            return Some(middle);
        }
        if h - l > 1 {
            middle.push(l + (h - l) / 2);
            return Some(middle);
        }
        // Neighbours: the middle lies behind the lower one, halfway from its next digit to the
        // top of what texts are made of (ASCII when the digit is, else the whole range).
        middle.push(l);
        let mut at = at + 1;
        loop {
            let (l, _) = digits(at);
            let top = if base == 256 || l > 0x7A { base } else { 0x7B };
            if top - l > 1 {
                middle.push(l + (top - l) / 2);
                return Some(middle);
            }
            middle.push(l);
            at += 1;
            if at > length + 8 {
                return None;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halfway_lies_between() {
        let int = |n| KeyValue::Int(n);
        assert_eq!(midway(&[int(0)], &[int(100)]), Some(vec![int(50)]));
        assert_eq!(midway(&[int(-3)], &[int(0)]), Some(vec![int(-2)]));
        assert_eq!(midway(&[int(5)], &[int(6)]), None);
        assert_eq!(midway(&[int(5), int(1)], &[int(6), int(9)]), Some(vec![int(5)]));
        assert_eq!(midway(&[int(5), int(1)], &[int(5), int(9)]), Some(vec![int(5), int(5)]));
        assert_eq!(decimal("-0.5", "1.25").as_deref(), Some("0.37"));
        assert_eq!(decimal("1", "2").as_deref(), Some("1"));
        for (low, high) in
            [("a", "c"), ("a", "b"), ("user-0001", "user-9999"), ("", "zz"), ("ab", "abc")]
        {
            let middle = text(low, high).unwrap();
            assert!(low < middle.as_str() && middle.as_str() < high, "{low} {middle} {high}");
        }
        let middle = bytes(&[0, 0], &[0, 1]).unwrap();
        assert!(middle.as_slice() > &[0, 0][..] && middle.as_slice() < &[0, 1][..]);
    }
}
