//! A thread for the calls of SVT-AV1 that would raise their caller's priority.
//!
//! Where the process runs as root, `svt_av1_enc_init_handle` and `svt_av1_enc_init` give the thread that calls them the
//! policy `SCHED_FIFO` at the highest priority, and every thread started from there inherits it: the whole encode, and
//! the host's own thread, would come before all else on the machine. SVT-AV1 takes a refusal without complaint.

use crate::error::{Error, Result};

/// Makes a call on a thread that ends with it and that may not raise priorities; nor may threads that it starts.
///
/// # Errors
///
/// `OutOfMemory` where the system refuses a thread, `Internal` where the call panics.
pub(super) fn aside<T: Send>(call: impl FnOnce() -> T + Send) -> Result<T> {
    let answer = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("neural-codec av1".into());
        let call = || {
            give_up_priorities();
            call()
        };
        thread.spawn_scoped(scope, call).map(std::thread::ScopedJoinHandle::join)
    });
    match answer {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err(Error::internal("SVT-AV1", "the thread that calls it has ended")),
        Err(source) => Err(Error::no_thread(source)),
    }
}

/// Takes `CAP_SYS_NICE` from this thread: capabilities belong to a thread on Linux. Nothing is lost where that fails.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn give_up_priorities() {
    /// `struct __user_cap_header_struct`.
    #[repr(C)]
    struct Header {
        version: u32,
        thread: i32,
    }
    /// `struct __user_cap_data_struct`.
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Set {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    /// `_LINUX_CAPABILITY_VERSION_3`: two sets of 32.
    const VERSION: u32 = 0x2008_0522;
    const SYS_NICE: u32 = 1 << 23;

    let mut header = Header { version: VERSION, thread: 0 };
    let mut sets = [Set { effective: 0, permitted: 0, inheritable: 0 }; 2];
    // SAFETY: 0 is the calling thread, and both structures have the layout of this version and live for the call.
    if unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) } == 0 {
        sets[0].effective &= !SYS_NICE;
        // SAFETY: as above; a thread may always have fewer capabilities.
        unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    }
}

#[cfg(not(target_os = "linux"))]
fn give_up_priorities() {}
