//! A constant, and its value: a number, or a list of numbers of fixed length, read from JSON and checked against its range.

use serde_json::Value as Json;

use crate::error::{Error, Result};

/// Fewest and most layers of a filter: those of the networks that the format has.
pub const FILTER_LAYERS: (u8, u8) = (3, 4);

/// One constant of the table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Constant {
    /// Section and name, such as `search.target_margin`.
    pub key: &'static str,
    /// A number, or a list of numbers.
    pub value: Json,
    /// The least that each number may be.
    pub low: f64,
    /// The most.
    pub high: f64,
    /// Whether numbers are whole.
    pub is_whole: bool,
    /// What it means.
    pub meaning: &'static str,
}

/// What a constant may be.
pub(super) trait Value: Sized {
    /// Whether its numbers are whole.
    const IS_WHOLE: bool;

    /// What it looks like, for an error.
    fn shape() -> String;

    /// `None` where it is of another type.
    fn of_json(value: &Json) -> Option<Self>;

    fn json(&self) -> Json;
}

macro_rules! whole {
    ($($ty:ty),*) => {$(
        impl Value for $ty {
            const IS_WHOLE: bool = true;
            fn shape() -> String {
                "a whole number".into()
            }
            fn of_json(value: &Json) -> Option<Self> {
                value.as_i64().and_then(|value| value.try_into().ok())
            }
            fn json(&self) -> Json {
                Json::from(*self)
            }
        }
    )*};
}
whole!(i8, u8, u32, u64, usize);

impl Value for f64 {
    const IS_WHOLE: bool = false;
    fn shape() -> String {
        "a number".into()
    }
    fn of_json(value: &Json) -> Option<Self> {
        value.as_f64()
    }
    fn json(&self) -> Json {
        Json::from(*self)
    }
}

impl Value for f32 {
    const IS_WHOLE: bool = false;
    fn shape() -> String {
        "a number".into()
    }
    fn of_json(value: &Json) -> Option<Self> {
        value.as_f64().map(|value| value as Self)
    }
    /// The shortest number that reads back as the same.
    fn json(&self) -> Json {
        Json::from(self.to_string().parse::<f64>().unwrap_or_else(|_| f64::from(*self)))
    }
}

impl<T: Value, const N: usize> Value for [T; N] {
    const IS_WHOLE: bool = T::IS_WHOLE;
    fn shape() -> String {
        format!("a list of {N}, each {}", T::shape())
    }
    fn of_json(value: &Json) -> Option<Self> {
        let values: Vec<T> = value.as_array()?.iter().map(T::of_json).collect::<Option<_>>()?;
        values.try_into().ok()
    }
    fn json(&self) -> Json {
        self.iter().map(Value::json).collect()
    }
}

/// Reads a value within a range.
///
/// # Errors
///
/// `InvalidArgument` that names key, range and value.
pub(super) fn read<T: Value>(key: &str, (low, high): (f64, f64), value: &Json) -> Result<T> {
    let is_inside = is_inside(value, low, high);
    T::of_json(value).filter(|_| is_inside).ok_or_else(|| {
        let expected = format!("{} from {low} to {high}", T::shape());
        Error::invalid(format!("defaults: {key}"), expected, value)
    })
}

fn is_inside(value: &Json, low: f64, high: f64) -> bool {
    match value {
        Json::Array(values) => values.iter().all(|value| is_inside(value, low, high)),
        _ => value.as_f64().is_some_and(|value| (low..=high).contains(&value)),
    }
}
