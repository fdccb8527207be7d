//! The C library's calls that change files, defined here so that the linker takes these.
//!
//! sled and the standard library call `pwrite64`, `fsync` and so on by name; a program that defines
//! such a name itself is called instead of the C library. Each function asks `watch` whether the
//! file is a watched one, and does the call by its number (`syscall`), which needs no second
//! definition to be found. Everything that is not watched goes straight through. The C library's
//! own uses of these (directory streams, standard output's buffers) do not come here.
//!
//! This is the only file of the workspace with unsafe code: symbols by name, raw pointers, errno.
//! `open` takes its mode as a third fixed argument; callers that pass none leave a register that
//! the kernel ignores without `O_CREAT`.

#![allow(unsafe_code, reason = "it stands in for the C library")]

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{c_char, c_int, c_long, c_uint, c_void, mode_t, off_t, size_t, ssize_t};

use super::watch::{self, Errno, Sync};

/// What a call gave, as `watch` wants it.
fn outcome(returned: c_long) -> Result<c_long, Errno> {
    if returned >= 0 {
        return Ok(returned);
    }
    // SAFETY: the C library gives each thread a valid place for its errno.
    Err(Errno(unsafe { *libc::__errno_location() }))
}

/// What `watch` gave, as a caller wants it.
fn returned(outcome: Result<c_long, Errno>) -> c_long {
    match outcome {
        Ok(number) => number,
        Err(Errno(number)) => {
            // SAFETY: as above.
            unsafe { *libc::__errno_location() = number };
            -1
        }
    }
}

fn narrow(number: c_long) -> c_int {
    c_int::try_from(number).expect("the kernel gives an int here")
}

fn size(number: c_long) -> ssize_t {
    ssize_t::try_from(number).expect("the kernel gives a size here")
}

/// # Safety
/// The pointer is to a string that ends with a zero, as for `open`.
unsafe fn path<'a>(pointer: *const c_char) -> &'a Path {
    // SAFETY: so says the caller.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(pointer) }.to_bytes()))
}

/// # Safety
/// As for `open`.
unsafe fn open_file(name: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_openat, libc::AT_FDCWD, name, flags, mode) })
    };
    // SAFETY: so says the caller.
    narrow(returned(watch::open(unsafe { path(name) }, flags, call)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open(name: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(name, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn open64(name: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { open_file(name, flags, mode) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn close(fd: c_int) -> c_int {
    watch::close(fd);
    // SAFETY: the argument is that of the caller.
    narrow(unsafe { libc::syscall(libc::SYS_close, fd) })
}

/// # Safety
/// The pointer is to so many bytes.
unsafe fn bytes<'a>(pointer: *const c_void, count: size_t) -> &'a [u8] {
    // SAFETY: so says the caller.
    unsafe { std::slice::from_raw_parts(pointer.cast(), count) }
}

/// # Safety
/// As for `pwrite`.
unsafe fn write_at(fd: c_int, from: *const c_void, count: size_t, at: off_t) -> ssize_t {
    let call = |count: usize| {
        // SAFETY: the arguments are those of the caller; the count may be less.
        outcome(unsafe { libc::syscall(libc::SYS_pwrite64, fd, from, count, at) })
    };
    let Some(handle) = watch::handle(fd) else {
        return size(returned(call(count)));
    };
    let at = usize::try_from(at).expect("an offset");
    // SAFETY: so says the caller.
    size(returned(watch::write(&handle, at, unsafe { bytes(from, count) }, call)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(fd: c_int, from: *const c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { write_at(fd, from, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(fd: c_int, from: *const c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { write_at(fd, from, count, at) }
}

/// # Safety
/// As for `pread`.
unsafe fn read_at(fd: c_int, to: *mut c_void, count: size_t, at: off_t) -> ssize_t {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_pread64, fd, to, count, at) })
    };
    let handle = watch::handle(fd);
    size(returned(handle.map_or_else(call, |handle| watch::read(&handle, call))))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pread(fd: c_int, to: *mut c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { read_at(fd, to, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn pread64(fd: c_int, to: *mut c_void, count: size_t, at: off_t) -> ssize_t {
    // SAFETY: the arguments are those of the caller.
    unsafe { read_at(fd, to, count, at) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn read(fd: c_int, to: *mut c_void, count: size_t) -> ssize_t {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_read, fd, to, count) })
    };
    let handle = watch::handle(fd);
    size(returned(handle.map_or_else(call, |handle| watch::read(&handle, call))))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn write(fd: c_int, from: *const c_void, count: size_t) -> ssize_t {
    let call = |count: usize| {
        // SAFETY: the arguments are those of the caller; the count may be less.
        outcome(unsafe { libc::syscall(libc::SYS_write, fd, from, count) })
    };
    let Some(handle) = watch::handle(fd) else {
        return size(returned(call(count)));
    };
    // SAFETY: it reads where the file stands.
    let at = unsafe { libc::syscall(libc::SYS_lseek, fd, 0, libc::SEEK_CUR) };
    let at = usize::try_from(at).expect("a file has a place where it stands");
    // SAFETY: so says the caller.
    size(returned(watch::write(&handle, at, unsafe { bytes(from, count) }, call)))
}

fn sync(fd: c_int, what: Sync) -> c_int {
    narrow(returned(watch::handle(fd).map_or_else(
        || {
            let number = match what {
                Sync::All => libc::SYS_fsync,
                Sync::Data => libc::SYS_fdatasync,
            };
            // SAFETY: the argument is that of the caller.
            outcome(unsafe { libc::syscall(number, fd) })
        },
        |handle| watch::sync(&handle, what).map(|()| 0),
    )))
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    sync(fd, Sync::All)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    sync(fd, Sync::Data)
}

#[unsafe(no_mangle)]
extern "C" fn sync_file_range(fd: c_int, at: off_t, count: off_t, flags: c_uint) -> c_int {
    narrow(returned(watch::handle(fd).map_or_else(
        || {
            // SAFETY: the arguments are those of the caller.
            outcome(unsafe { libc::syscall(libc::SYS_sync_file_range, fd, at, count, flags) })
        },
        |handle| watch::sync_range(&handle).map(|()| 0),
    )))
}

fn set_length(fd: c_int, length: off_t) -> c_int {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) })
    };
    let length = usize::try_from(length).unwrap_or_default();
    let handle = watch::handle(fd);
    narrow(returned(match handle {
        None => call(),
        Some(handle) => watch::set_length(&handle, length, call),
    }))
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate(fd: c_int, length: off_t) -> c_int {
    set_length(fd, length)
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: off_t) -> c_int {
    set_length(fd, length)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let at = libc::AT_FDCWD;
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_renameat2, at, from, at, to, 0) })
    };
    // SAFETY: so says the caller.
    let (from, to) = unsafe { (path(from), path(to)) };
    narrow(returned(watch::rename(from, to, call)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlink(name: *const c_char) -> c_int {
    let call = || {
        // SAFETY: the argument is that of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_unlinkat, libc::AT_FDCWD, name, 0) })
    };
    // SAFETY: so says the caller.
    narrow(returned(watch::remove(unsafe { path(name) }, call)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn unlinkat(directory: c_int, name: *const c_char, flags: c_int) -> c_int {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_unlinkat, directory, name, flags) })
    };
    // SAFETY: so says the caller.
    let name = unsafe { path(name) };
    let path =
        if directory == libc::AT_FDCWD { name } else { &watch::path_of(directory).join(name) };
    narrow(returned(watch::remove(path, call)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn rmdir(name: *const c_char) -> c_int {
    // SAFETY: the arguments are those of the caller.
    unsafe { unlinkat(libc::AT_FDCWD, name, libc::AT_REMOVEDIR) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn mkdir(name: *const c_char, mode: mode_t) -> c_int {
    let call = || {
        // SAFETY: the arguments are those of the caller.
        outcome(unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, name, mode) })
    };
    // SAFETY: so says the caller.
    narrow(returned(watch::make_directory(unsafe { path(name) }, call)))
}
