//! Lists in pages, by cursor.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use syncline_types::{Code, Error, Result};
use utoipa::{IntoParams, ToSchema};

/// Items of a page, when nothing else is said.
const DEFAULT: u32 = 50;
/// Items of a page at most.
const MOST: u32 = 500;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items at most: 1 to 500; 50 when not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// `next` of the page before.
    after: Option<String>,
}

impl PageQuery {
    /// A page as a query with more keys than these asks for it.
    pub(crate) fn new(limit: Option<u32>, after: Option<String>) -> Self {
        Self { limit, after }
    }

    /// Items at most.
    ///
    /// # Errors
    /// [`Code::BadValue`] when it is out of range.
    pub(crate) fn limit(&self) -> Result<u32> {
        match self.limit {
            None => Ok(DEFAULT),
            Some(limit) if (1..=MOST).contains(&limit) => Ok(limit),
            Some(limit) => {
                Err(Error::new(Code::BadValue, format!("limit={limit}: 1 to {MOST} items")))
            }
        }
    }

    /// What the last item before this page was sorted by.
    ///
    /// # Errors
    /// [`Code::BadValue`] when it is none of ours.
    pub(crate) fn after<K: for<'de> Deserialize<'de>>(&self) -> Result<Option<K>> {
        let Some(text) = &self.after else { return Ok(None) };
        URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            // No item is sorted by U+0000, and not every state can be asked for it.
            .filter(|json| !json.windows(6).any(|part| part == br"\u0000"))
            .and_then(|json| serde_json::from_slice(&json).ok())
            .map(Some)
            .ok_or_else(|| {
                Error::new(Code::BadValue, "after is no cursor that this list gave out")
                    .hint("take `next` of the page before, or leave it out to begin at the front")
            })
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The items.
    items: Vec<T>,
    /// Cursor of the next page; `null` on the last one.
    next: Option<String>,
}

impl<T> Page<T> {
    /// A page of the first `limit` of `items`, of which one more was asked for than fits; `key` is
    /// what they are sorted by.
    pub(crate) fn of<K: Serialize>(
        mut items: Vec<T>,
        limit: u32,
        key: impl Fn(&T) -> K,
    ) -> Result<Self> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = match items.last().filter(|_| more) {
            None => None,
            Some(last) => {
                let json = serde_json::to_vec(&key(last))
                    .map_err(|e| Error::bug("a cursor cannot be written").because(e))?;
                Some(URL_SAFE_NO_PAD.encode(json))
            }
        };
        Ok(Self { items, next })
    }
}

impl<T> Page<T> {
    /// The same page of other items; those that become none are left out.
    pub(crate) fn map<U>(self, view: impl Fn(T) -> Option<U>) -> Page<U> {
        Page { items: self.items.into_iter().filter_map(view).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_walked_page_by_page() {
        let all: Vec<u32> = (0..5).collect();
        let mut query = PageQuery { limit: Some(2), after: None };
        let mut seen = Vec::new();
        loop {
            let after: Option<u32> = query.after().unwrap();
            let rest = all.iter().copied().filter(|n| after.is_none_or(|a| *n > a)).take(3);
            let page = Page::of(rest.collect(), query.limit().unwrap(), |n| *n).unwrap();
            seen.extend(page.items);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, all);
        let bad = PageQuery { limit: Some(0), after: Some("no cursor".into()) };
        assert_eq!(bad.limit().unwrap_err().code(), Code::BadValue);
        assert_eq!(bad.after::<u32>().unwrap_err().code(), Code::BadValue);
    }
}
