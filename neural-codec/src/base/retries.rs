//! A base encoder that fails is tried again.

use crate::error::{Error, Result};

/// How often an attempt is retried because the base encoder stalls, or wrote what cannot be decoded.
const MOST_FAILURES: u32 = 2;

/// Does `once`, and again where the base encoder failed, with `on_failure` in between.
///
/// # Errors
///
/// Those of `once`.
pub(crate) fn with_retries<T>(
    mut once: impl FnMut() -> Result<T>,
    mut on_failure: impl FnMut(),
) -> Result<T> {
    let mut failures = 0;
    loop {
        match once() {
            Ok(done) => return Ok(done),
            Err(error) => retry(error, &mut failures)?,
        }
        on_failure();
    }
}

/// Counts a failure.
///
/// # Errors
///
/// The error, where it is none of the base encoder or one too many.
pub(crate) fn retry(error: Error, failures: &mut u32) -> Result<()> {
    *failures += 1;
    match error {
        Error::Stalled { .. } | Error::Corrupt { .. } | Error::Truncated { .. }
            if *failures <= MOST_FAILURES =>
        {
            Ok(())
        }
        other => Err(other),
    }
}

/// What a report says of an encode whose attempts were retried so many times.
pub(crate) fn retries_note(retries: u64) -> Option<String> {
    let times = if retries == 1 { "once".to_owned() } else { format!("{retries} times") };
    (retries > 0).then(|| {
        format!("The base encoder stalled or wrote what cannot be decoded, and was retried {times}.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Place;

    #[test]
    fn an_attempt_that_fails_is_made_at_most_twice_again_and_counted() {
        for (failing, expected) in [(0, 0), (1, 1), (2, 2), (9, 2)] {
            let (mut made, mut retries) = (0, 0);
            let once = || {
                made += 1;
                match made > failing {
                    true => Ok(made),
                    false => Err(Error::corrupt("unit", "AV1", "none", Place::default())),
                }
            };
            assert_eq!(with_retries(once, || retries += 1).is_ok(), failing < 3);
            assert_eq!(retries, expected);
            assert_eq!(retries_note(retries).is_some(), retries > 0);
        }
    }
}
