//! Items of tag, length and value, read and written.

use super::CtlError;

/// One item that was read.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) tag: u8,
    pub(super) at: usize,
    pub(super) value: &'a [u8],
}

/// Reads items from a file; every place it names is an offset in that file.
pub(super) struct Reader<'a> {
    file: &'a [u8],
    at: usize,
    place: &'static str,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a [u8], at: usize, place: &'static str) -> Self {
        Self { file, at, place }
    }

    /// Offset of the next item.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.file.len()
    }

    /// Passes over one bare padding byte, if the next tag is one.
    pub(super) fn skip_padding(&mut self) -> bool {
        let padding = self.file.get(self.at) == Some(&PADDING);
        self.at += usize::from(padding);
        padding
    }

    pub(super) fn item(&mut self) -> Result<Item<'a>, CtlError> {
        let at = self.at;
        let rest = self.file.get(at..).unwrap_or_default();
        let [tag, high, low, rest @ ..] = rest else {
            return Err(self.truncated(at, rest.len(), 3));
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = rest.get(..length).ok_or_else(|| self.truncated(at, rest.len(), length))?;
        self.at = at + 3 + length;
        Ok(Item { tag: *tag, at, value })
    }

    fn truncated(&self, at: usize, got: usize, expected: usize) -> CtlError {
        CtlError::Truncated { place: self.place, at, got, expected }
    }
}

impl Item<'_> {
    pub(super) fn array<const N: usize>(&self, place: &'static str) -> Result<[u8; N], CtlError> {
        self.value.try_into().map_err(|_| self.wrong_length(place, self.value.len(), N))
    }

    pub(super) fn byte(&self, place: &'static str) -> Result<u8, CtlError> {
        self.array::<1>(place).map(|[byte]| byte)
    }

    pub(super) fn short(&self, place: &'static str) -> Result<u16, CtlError> {
        self.array(place).map(u16::from_be_bytes)
    }

    /// Text without its NUL.
    pub(super) fn text(&self) -> String {
        let text = self.value.strip_suffix(&[0]).unwrap_or(self.value);
        String::from_utf8_lossy(text).into_owned()
    }

    pub(super) fn wrong_length(&self, place: &'static str, got: usize, expected: usize) -> CtlError {
        CtlError::Length { place, tag: self.tag, at: self.at, got, expected }
    }
}

/// Adds an item. Lengths are checked by [`fits`] before.
pub(super) fn put(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
    out.push(tag);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

/// Adds an item of text with its NUL.
pub(super) fn put_text(out: &mut Vec<u8>, tag: u8, text: &str) {
    put(out, tag, &[text.as_bytes(), &[0]].concat());
}

/// Whether something of this length can be written behind a length of two bytes.
pub(super) fn fits(what: &'static str, length: usize) -> Result<u16, CtlError> {
    u16::try_from(length).map_err(|_| CtlError::TooLarge { what, got: length, limit: usize::from(u16::MAX) })
}

pub(super) const PADDING: u8 = 13;
