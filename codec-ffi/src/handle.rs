//! What stands between a C call and its work: the lock, the panic guard, and where the error is kept.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use neural_codec::error::Place;
use neural_codec::{Error, Result};

use crate::pointer::{Output, reference};
use crate::status::{
    NCODEC_ERROR_INTERNAL, NCODEC_ERROR_INVALID_ARGUMENT, NCODEC_ERROR_POISONED, NCODEC_ERROR_WRONG_ORDER,
    NCODEC_OK, status_of,
};

/// Why a call failed.
#[derive(Debug, Default)]
pub(crate) struct Failure {
    status: i32,
    message: CString,
    place: Place,
}

impl Failure {
    fn new(status: i32, message: &str, place: Place) -> Self {
        // A message with a NUL inside is shown up to it.
        let message = CString::new(message.split('\0').next().unwrap_or_default()).unwrap_or_default();
        Self { status, message, place }
    }

    fn of_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("panic");
        Self::new(NCODEC_ERROR_INTERNAL, &format!("internal error: {text}"), Place::default())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(status_of(&error), &error.to_string(), error.place())
    }
}

thread_local! {
    /// The last failure on this thread of a call that had no handle to keep it.
    static LAST: RefCell<Failure> = RefCell::default();
}

/// Runs a call that has no handle; its failure goes to this thread's last error.
pub(crate) fn call_without_handle(work: impl FnOnce() -> Result<i32>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(status)) => return status,
        Ok(Err(error)) => Failure::from(error),
        Err(panic) => Failure::of_panic(panic.as_ref()),
    };
    let status = failure.status;
    LAST.with_borrow_mut(|last| *last = failure);
    status
}

/// The message of this thread's last failure without a handle; valid until the next one.
pub(crate) fn last_message() -> *const c_char {
    LAST.with_borrow(|last| last.message.as_ptr())
}

/// A state that C calls work on, one at a time.
pub(crate) struct Handle<S> {
    state: Mutex<S>,
    failure: Mutex<Failure>,
    /// Whether a call failed inside the library, here or on a thread of its own: what the state holds is then not to be relied on.
    is_poisoned: AtomicBool,
}

impl<S> Handle<S> {
    pub(crate) fn new(state: S) -> Self {
        Self { state: Mutex::new(state), failure: Mutex::default(), is_poisoned: AtomicBool::new(false) }
    }

    /// Runs one call. After a failure inside the library the handle is poisoned.
    pub(crate) fn call(&self, work: impl FnOnce(&mut S) -> Result<i32>) -> i32 {
        // The failure's own message stays.
        if self.is_poisoned.load(Ordering::Acquire) {
            return NCODEC_ERROR_POISONED;
        }
        let guarded = || match self.state.try_lock() {
            Ok(mut state) => work(&mut state).map_err(Failure::from),
            Err(TryLockError::Poisoned(_)) => Ok(NCODEC_ERROR_POISONED),
            Err(TryLockError::WouldBlock) => {
                let message = "another call on this handle is still at work";
                Err(Failure::new(NCODEC_ERROR_WRONG_ORDER, message, Place::default()))
            }
        };
        let failure = match catch_unwind(AssertUnwindSafe(guarded)) {
            Ok(Ok(status)) => return status,
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::of_panic(panic.as_ref()),
        };
        let status = failure.status;
        *self.failure() = failure;
        if status == NCODEC_ERROR_INTERNAL {
            self.is_poisoned.store(true, Ordering::Release);
        }
        status
    }

    /// Whether a call is at work.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.state.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// The message of the last failure, empty when there was none; valid until the next call.
    pub(crate) fn message(&self) -> *const c_char {
        self.failure().message.as_ptr()
    }

    /// Byte offset, scene and frame of the last failure, -1 where unknown.
    pub(crate) fn place(&self) -> [i64; 3] {
        let Place { offset, scene, frame } = self.failure().place;
        let known = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok()).unwrap_or(-1);
        [known(offset), known(scene.map(u64::from)), known(frame)]
    }

    fn failure(&self) -> MutexGuard<'_, Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A type that C holds as an opaque pointer.
pub(crate) trait Opaque: Sized {
    /// What its calls work on.
    type State;
    /// What C calls it.
    const NAME: &'static str;
    fn handle(&self) -> &Handle<Self::State>;

    /// Runs one call on a caller's handle.
    ///
    /// # Safety
    /// The pointer is NULL or came from this type's create call and was not closed.
    #[allow(unsafe_code)]
    unsafe fn call(pointer: *const Self, work: impl FnOnce(&mut Self::State) -> Result<i32>) -> i32 {
        // SAFETY: the contract is this function's own. Handles are shared; their state is behind a lock.
        match unsafe { Self::get(pointer) } {
            Ok(this) => this.handle().call(work),
            Err(status) => status,
        }
    }

    /// The handle itself.
    ///
    /// # Safety
    /// As [`call`](Self::call).
    ///
    /// # Errors
    ///
    /// The status for NULL, whose message is this thread's last error.
    #[allow(unsafe_code)]
    unsafe fn get<'a>(pointer: *const Self) -> std::result::Result<&'a Self, i32> {
        // SAFETY: NULL, or alive by this function's contract; what is written to lies behind locks.
        unsafe { reference(Self::NAME, pointer) }.map_err(|error| {
            call_without_handle(|| Err(error));
            NCODEC_ERROR_INVALID_ARGUMENT
        })
    }

    /// The message of the last failure, for a handle or for NULL.
    ///
    /// # Safety
    /// As [`call`](Self::call).
    #[allow(unsafe_code)]
    unsafe fn message(pointer: *const Self) -> *const c_char {
        // SAFETY: the contract is this function's own.
        unsafe { Self::get(pointer) }.map_or_else(|_| last_message(), |this| this.handle().message())
    }

    /// Writes where the last failure was: offset, scene, frame.
    ///
    /// # Safety
    /// As [`call`](Self::call), and each of `places` is NULL or valid for writes.
    #[allow(unsafe_code)]
    unsafe fn place(pointer: *const Self, places: [*mut i64; 3]) -> i32 {
        call_without_handle(|| {
            // SAFETY: the contract is this function's own.
            let this = unsafe { reference(Self::NAME, pointer)? };
            for ((name, place), found) in
                ["offset", "scene", "frame"].into_iter().zip(places).zip(this.handle().place())
            {
                // SAFETY: NULL or valid, by this function's contract.
                unsafe { Output::new(name, place)? }.put(found);
            }
            Ok(NCODEC_OK)
        })
    }

    /// Ends a caller's handle and sets the caller's pointer to NULL.
    ///
    /// # Safety
    /// The pointer is NULL, or points to NULL or to what came from this type's create call and was not closed.
    #[allow(unsafe_code)]
    unsafe fn close(pointer: *mut *mut Self) -> i32 {
        if pointer.is_null() {
            return NCODEC_OK;
        }
        call_without_handle(|| {
            // SAFETY: the contract is this function's own.
            let handle = unsafe { *reference(Self::NAME, pointer.cast_const())? };
            if handle.is_null() {
                return Ok(NCODEC_OK);
            }
            // SAFETY: alive by contract.
            if unsafe { reference(Self::NAME, handle.cast_const())? }.handle().is_busy() {
                let reason = "another call on this handle is still at work".into();
                return Err(Error::WrongOrder { call: "close", reason });
            }
            // SAFETY: checked above, and the caller's own variable.
            unsafe { Output::new(Self::NAME, pointer)? }.put(std::ptr::null_mut());
            // SAFETY: from `Box::into_raw` in the create call, and taken back once: the caller's pointer is NULL now.
            drop(unsafe { Box::from_raw(handle) });
            Ok(NCODEC_OK)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_inside_the_library_poisons_the_handle_wherever_it_was() {
        let told = Handle::new(0);
        assert_eq!(told.call(|_| Err(Error::internal("decoder thread", "panic"))), NCODEC_ERROR_INTERNAL);
        let panicked = Handle::new(0);
        #[allow(clippy::panic)]
        let status = panicked.call(|_| panic!("on purpose"));
        assert_eq!(status, NCODEC_ERROR_INTERNAL);
        for handle in [told, panicked] {
            assert_eq!(handle.call(|_| Ok(NCODEC_OK)), NCODEC_ERROR_POISONED);
        }
        let wrong = Handle::new(0);
        assert_eq!(wrong.call(|_| Err(Error::invalid("fps", "more", 0))), NCODEC_ERROR_INVALID_ARGUMENT);
        assert_eq!(wrong.call(|_| Ok(NCODEC_OK)), NCODEC_OK);
    }
}
