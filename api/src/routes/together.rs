//! Several readings of one request, with everything that is wrong told at once.

use crate::problem::{FieldError, Problem};

/// A tuple of readings that becomes the tuple of what was read.
pub(crate) trait Together {
    /// What was read.
    type Read;

    /// All of it, or all that is wrong with it.
    fn together(self) -> Result<Self::Read, Problem>;
}

/// Keeps what is wrong with a value; any other problem ends the reading.
fn told<T>(errors: &mut Vec<FieldError>, read: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Problem::Invalid(more)) => {
            errors.extend(more);
            Ok(None)
        }
        Err(problem) => Err(problem),
    }
}

macro_rules! together {
    ($($name:ident: $kind:ident),+) => {
        impl<$($kind),+> Together for ($(Result<$kind, Problem>,)+) {
            type Read = ($($kind,)+);

            fn together(self) -> Result<Self::Read, Problem> {
                let ($($name,)+) = self;
                let mut errors = Vec::new();
                $(let $name = told(&mut errors, $name)?;)+
                match ($($name,)+) {
                    ($(Some($name),)+) => Ok(($($name,)+)),
                    _ => Err(Problem::Invalid(errors)),
                }
            }
        }
    };
}

together!(a: A, b: B);
together!(a: A, b: B, c: C);
together!(a: A, b: B, c: C, d: D);
together!(a: A, b: B, c: C, d: D, e: E);
together!(a: A, b: B, c: C, d: D, e: E, f: F);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_in_order_and_another_problem_ends_it() {
        assert_eq!((Ok(1), Ok("a")).together().unwrap(), (1, "a"));
        let wrong = |name: &str| Problem::invalid(name, "is wrong");
        let read: Result<(u8, u8, u8), Problem> = (Err(wrong("?a")), Ok(1), Err(wrong("?b"))).together();
        let Err(Problem::Invalid(errors)) = read else { panic!("accepted") };
        assert_eq!(errors.iter().map(|e| e.pointer.as_str()).collect::<Vec<_>>(), ["?a", "?b"]);
        let read: Result<(u8, u8), Problem> = (Err(wrong("?a")), Err(Problem::Internal)).together();
        assert!(matches!(read, Err(Problem::Internal)));
    }
}
