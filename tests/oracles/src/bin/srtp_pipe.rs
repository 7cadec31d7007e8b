//! Our SRTP behind a pipe, for oracles in other languages.
//!
//! A line is a command, each answered with one line: `ok [HEX]` or `err TEXT`.
//! `new NAME SUITE INLINE-KEY [MKI-HEX]` makes a context, `set_roc NAME SSRC ROC` sets a roll-over count, and
//! `protect|unprotect|protect_rtcp|unprotect_rtcp NAME HEX` handle a packet.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufWriter, Write};

use media::srtp::{Context, MasterKey, OVERHEAD, Suite};

fn main() -> io::Result<()> {
    let mut contexts = BTreeMap::new();
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line == "flush" {
            out.flush()?;
            continue;
        }
        match answer(&mut contexts, &line) {
            Ok(bytes) => writeln!(out, "ok {}", to_hex(&bytes))?,
            Err(why) => writeln!(out, "err {why}")?,
        }
    }
    out.flush()
}

fn answer(contexts: &mut BTreeMap<String, Context>, line: &str) -> Result<Vec<u8>, String> {
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or("a word is missing".to_owned());
    let (command, name) = (word()?, word()?);
    if command == "new" {
        let suite: Suite = word()?.parse().map_err(text)?;
        let key = MasterKey::from_inline(suite, word()?).map_err(text)?;
        let context = Context::new(suite, &key).map_err(text)?;
        let context = match word() {
            Ok(mki) => context.with_mki(&from_hex(mki)?).map_err(text)?,
            Err(_) => context,
        };
        contexts.insert(name.to_owned(), context);
        return Ok(Vec::new());
    }
    let context = contexts.get_mut(name).ok_or("no such context")?;
    if command == "set_roc" {
        context.set_roc(word()?.parse().map_err(text)?, word()?.parse().map_err(text)?);
        return Ok(Vec::new());
    }
    let mut buf = from_hex(word()?)?;
    let len = buf.len();
    buf.resize(len + OVERHEAD, 0);
    let done = match command {
        "protect" => context.protect(&mut buf, len),
        "unprotect" => context.unprotect(&mut buf, len),
        "protect_rtcp" => context.protect_rtcp(&mut buf, len),
        "unprotect_rtcp" => context.unprotect_rtcp(&mut buf, len),
        _ => return Err("no such command".into()),
    };
    buf.truncate(done.map_err(text)?);
    Ok(buf)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn from_hex(hex: &str) -> Result<Vec<u8>, String> {
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    let digit = |d: u8| char::from(d).to_digit(16).map(|d| d as u8);
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes.filter(|_| rest.is_empty()).ok_or_else(|| "bad hex".into())
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]]).map(char::from).collect()
}
