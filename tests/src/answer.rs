//! What came back for a request: status, headers, the text as it was sent, and the same as JSON.

use reqwest::header::HeaderMap;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// One HTTP answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `POST /path`, for messages.
    pub request: String,
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub json: Value,
}

impl Answer {
    /// Reads an answer to its end.
    pub(crate) async fn read(request: String, response: reqwest::Response) -> reqwest::Result<Self> {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { request, status, headers, text, json })
    }

    /// The JSON body, where the status is the expected one.
    ///
    /// # Panics
    /// With the whole answer, where it is not.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "often the check is all that is wanted")]
    pub fn expect(&self, status: u16) -> &Value {
        assert!(
            self.status == status,
            "{}: expected {status}, got {} with {}",
            self.request,
            self.status,
            self.text.chars().take(3_000).collect::<String>()
        );
        &self.json
    }

    /// A header's text; empty where it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The media type without its parameters.
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.header("content-type").split(';').next().unwrap_or_default().trim()
    }

    /// The text at a JSON pointer.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    #[must_use]
    pub fn text_at(&self, pointer: &str) -> &str {
        match self.json.pointer(pointer) {
            Some(Value::String(text)) => text,
            other => panic!("{}: no text at {pointer} but {other:?} in {}", self.request, self.text),
        }
    }

    /// The array at a JSON pointer.
    ///
    /// # Panics
    /// Where there is none.
    #[track_caller]
    #[must_use]
    pub fn rows(&self, pointer: &str) -> &[Value] {
        match self.json.pointer(pointer) {
            Some(Value::Array(rows)) => rows,
            other => panic!("{}: no array at {pointer} but {other:?} in {}", self.request, self.text),
        }
    }
}

/// The member names of a JSON object, in the order in which they were sent.
///
/// # Panics
/// When the text is no JSON object.
#[track_caller]
#[must_use]
pub fn keys_of(object: &str) -> Vec<String> {
    serde_json::from_str::<Keys>(object).unwrap_or_else(|e| panic!("no object: {e}: {object}")).0
}

/// The member names of each object of a JSON array, in the order in which they were sent.
///
/// # Panics
/// When the text is no JSON array of objects.
#[track_caller]
#[must_use]
pub fn keys_of_each(array: &str) -> Vec<Vec<String>> {
    let rows: Vec<Keys> = serde_json::from_str(array).unwrap_or_else(|e| panic!("no array: {e}: {array}"));
    rows.into_iter().map(|keys| keys.0).collect()
}

/// The names of an object's members.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Keys;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
