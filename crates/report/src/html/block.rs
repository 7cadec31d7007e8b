//! A scenario's outcome, packed for the page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use scenario::outcome::ScenarioOutcome;

/// Pictures are base64 in JSON, of which the entropy coder takes most of the third back; higher levels take thrice the
/// time for one percent.
const LEVEL: u8 = 6;

/// Base64 of zlib (RFC 1950) of the outcome as JSON: the page's `DecompressionStream` checks its sum.
pub(super) fn pack(outcome: &ScenarioOutcome) -> Result<String, serde_json::Error> {
    let json = serde_json::to_vec(outcome)?;
    Ok(BASE64.encode(miniz_oxide::deflate::compress_to_vec_zlib(&json, LEVEL)))
}
