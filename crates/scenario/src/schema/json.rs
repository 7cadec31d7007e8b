//! What a reader wants → JSON Schema.

use serde_json::{Map, Value, json};

use super::words::Words;
use crate::file::shape::{Ask, Form, Mapping};

/// The schema of a form, and the definitions that it refers to: a mapping each that is called something.
pub(super) fn schema(form: &Form, words: &Words) -> (Value, Map<String, Value>) {
    let mut definitions = Map::new();
    let schema = of(form, words, &mut definitions, true);
    (schema, definitions)
}

fn of(form: &Form, words: &Words, definitions: &mut Map<String, Value>, is_root: bool) -> Value {
    let mut any: Vec<Value> = form.scalars.iter().flat_map(scalar).collect();
    if let Some(mapping) = &form.mapping {
        let object = object(mapping, words, definitions);
        any.push(if is_root { object } else { referred(mapping.what, object, definitions) });
    }
    if let Some(names) = &form.names {
        let values = of(names, words, definitions, false);
        any.push(json!({ "type": "object", "additionalProperties": values }));
    }
    if let Some(items) = &form.items {
        any.push(json!({ "type": "array", "minItems": 1, "items": of(items, words, definitions, false) }));
    }
    match any.len() {
        0 => json!(true),
        1 => any.remove(0),
        _ => json!({ "anyOf": any }),
    }
}

/// A mapping that is called something stands once, unless another one is called the same.
fn referred(what: &str, object: Value, definitions: &mut Map<String, Value>) -> Value {
    if what.is_empty() {
        return object;
    }
    let name = what.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "-");
    match definitions.get(&name) {
        Some(known) if *known != object => return object,
        Some(_) => {}
        None => drop(definitions.insert(name.clone(), object)),
    }
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn object(mapping: &Mapping, words: &Words, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    for (key, _, form) in &mapping.keys {
        let mut schema = of(form, words, definitions, false);
        if let (Some(object), Some(told)) = (schema.as_object_mut(), words.of(mapping.what, key)) {
            object.insert("description".to_owned(), json!(told.text()));
        }
        properties.insert((*key).to_owned(), schema);
    }
    let mut object = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let needed: Vec<&str> = mapping.keys.iter().filter(|(_, needed, _)| *needed).map(|(key, ..)| *key).collect();
    if !needed.is_empty() {
        object["required"] = json!(needed);
    }
    if mapping.one {
        object["minProperties"] = json!(1);
        object["maxProperties"] = json!(1);
    }
    object
}

/// At most a day, as far as a pattern can tell.
const DURATION: &str = "^([0-9.]+ *(ms|s|m|min)|(0?[0-9]|1[0-9]|2[0-3])(\\.[0-9]*)? *h|24(\\.0*)? *h)$";

/// Texts of YAML that look like numbers or flags are such to an editor, and texts to the reader.
fn scalar(ask: &Ask) -> Vec<Value> {
    match ask {
        Ask::Flag => vec![json!({ "enum": [true, false, "true", "false"] })],
        Ask::Number(low, high) => vec![
            json!({ "type": "integer", "minimum": low, "maximum": high }),
            json!({ "type": "string", "pattern": "^\\+?[0-9]+$" }),
        ],
        Ask::Share => vec![json!({ "type": "string", "pattern": "^[0-9]*\\.?[0-9]* *%$" })],
        Ask::Duration => vec![json!({ "type": "string", "pattern": DURATION })],
        Ask::Word(words) => {
            let numbers = words.iter().filter_map(|word| word.parse::<serde_json::Number>().ok()).map(Value::Number);
            let words: Vec<Value> = words.iter().map(|word| json!(word)).chain(numbers).collect();
            vec![json!({ "enum": words })]
        }
        Ask::Text => vec![json!({ "type": ["string", "number", "boolean"], "pattern": "\\S" })],
        _ => Vec::new(),
    }
}
