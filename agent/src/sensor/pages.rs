//! The kernel's ring buffer as shared memory (kernel/bpf/ringbuf.c, Linux 6.18): takes records out, in their order.
//!
//! The kernel offers the data pages twice in a row, so that a record that runs over the end is in one piece. Mapped
//! twice they count twice as resident memory; here they are mapped once and such a record is copied in two pieces.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence},
};

use bytes::BytesMut;
use rustix::{
    mm::{MapFlags, ProtFlags, mmap, munmap},
    param::page_size,
};

/// Each record has a header of two words: its length with two flags, and something that is the kernel's own.
const HEADER_LEN: usize = 8;
/// The record is still being written.
const BUSY: u32 = 1 << 31;
/// The writer thought better of it.
const DISCARDED: u32 = 1 << 30;

pub(super) struct Pages {
    map: OwnedFd,
    /// The position up to which we have read, for the kernel.
    consumer: Mapping,
    /// The position up to which the kernel has written; behind its page, the data.
    producer: Mapping,
    /// Bytes of data, a power of two.
    size: usize,
    /// Read, but not yet given back.
    position: usize,
}

impl Pages {
    /// `size`: bytes of the ring, as it was made.
    pub fn new(map: OwnedFd, size: usize) -> io::Result<Pages> {
        let page = page_size();
        let read = ProtFlags::READ;
        let consumer = Mapping::new(map.as_fd(), page, read | ProtFlags::WRITE, 0)?;
        let producer = Mapping::new(map.as_fd(), page + size, read, page)?;
        let position = consumer.position().load(Ordering::Acquire);
        Ok(Pages { map, consumer, producer, size, position })
    }

    /// Appends the next record and gives its length; `None` when there is none that is whole.
    pub fn take(&mut self, out: &mut BytesMut) -> Option<usize> {
        while self.position != self.producer.position().load(Ordering::Acquire) {
            let at = self.position & (self.size - 1);
            // SAFETY: `at` is a multiple of eight below `size`, so this word lies in the mapping; the kernel writes it
            // as one word.
            let header = unsafe { AtomicU32::from_ptr(self.data().add(at).cast()) }.load(Ordering::Acquire);
            if header & BUSY != 0 {
                return None;
            }
            let len = (header & !DISCARDED) as usize;
            self.position = self.position.wrapping_add((HEADER_LEN + len).next_multiple_of(8));
            if header & DISCARDED == 0 {
                self.copy(at + HEADER_LEN, len.min(self.size), out);
                return Some(len);
            }
        }
        None
    }

    /// Lets the kernel write where records were taken from. When it says true, there may be more: the kernel tells of
    /// a new record only when it sees this position at that record, so what came meanwhile must be asked for.
    pub fn give_back(&mut self) -> bool {
        let position = self.consumer.position();
        if position.load(Ordering::Relaxed) == self.position {
            return false;
        }
        position.store(self.position, Ordering::Release);
        fence(Ordering::SeqCst);
        true
    }

    fn copy(&self, at: usize, len: usize, out: &mut BytesMut) {
        let at = at & (self.size - 1);
        let first = len.min(self.size - at);
        for (at, len) in [(at, first), (0, len - first)] {
            // SAFETY: both pieces lie within the `size` bytes of data, and the kernel leaves a whole record alone
            // until its place is given back.
            out.extend_from_slice(unsafe { slice::from_raw_parts(self.data().add(at), len) });
        }
    }

    fn data(&self) -> *mut u8 {
        // SAFETY: the data begin one page into a mapping of one page and `size` bytes.
        unsafe { self.producer.start.as_ptr().add(page_size()) }
    }
}

impl AsRawFd for Pages {
    fn as_raw_fd(&self) -> RawFd {
        self.map.as_raw_fd()
    }
}

/// Memory shared with the kernel, until it is dropped.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and only `Pages` reaches it, through `&self` with atomics
// and through data that nobody writes.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(ring: BorrowedFd<'_>, len: usize, access: ProtFlags, offset: usize) -> io::Result<Mapping> {
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory that is in use.
        let start = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, ring, offset as u64) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Mapping { start, len })
    }

    /// The word that its first page begins with.
    fn position(&self) -> &AtomicUsize {
        // SAFETY: a page begins with an aligned word, which the kernel reads and writes as one; it is mapped for as
        // long as `self` lives.
        unsafe { AtomicUsize::from_ptr(self.start.as_ptr().cast()) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing borrows from it any more.
        if let Err(error) = unsafe { munmap(self.start.as_ptr().cast(), self.len) } {
            tracing::warn!(%error, "cannot unmap the ring");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::unix::fs::FileExt};

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    const SIZE: usize = 4096;

    /// A file laid out as the kernel lays out a ring, and where it is written next.
    struct Ring {
        file: File,
        written: usize,
    }

    impl Ring {
        fn new() -> (Ring, Pages) {
            let file = File::from(memfd_create("ring", MemfdFlags::CLOEXEC).unwrap());
            file.set_len((2 * page_size() + SIZE) as u64).unwrap();
            let pages = Pages::new(file.try_clone().unwrap().into(), SIZE).unwrap();
            (Ring { file, written: 0 }, pages)
        }

        fn write(&mut self, flags: u32, bytes: &[u8]) {
            let header = [(bytes.len() as u32 | flags).to_ne_bytes(), [0; 4]].concat();
            for (n, byte) in [&header, bytes].concat().iter().enumerate() {
                let at = 2 * page_size() + (self.written + n) % SIZE;
                self.file.write_all_at(&[*byte], at as u64).unwrap();
            }
            self.written += (HEADER_LEN + bytes.len()).next_multiple_of(8);
            self.file.write_all_at(&self.written.to_ne_bytes(), page_size() as u64).unwrap();
        }

        /// Up to where the kernel may write again.
        fn free(&self) -> usize {
            let mut position = [0; 8];
            self.file.read_exact_at(&mut position, 0).unwrap();
            usize::from_ne_bytes(position)
        }
    }

    fn next(pages: &mut Pages) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        pages.take(&mut out).map(|len| {
            assert_eq!(len, out.len());
            out.to_vec()
        })
    }

    #[test]
    fn records_come_in_order_and_whole_also_where_they_run_over_the_end() {
        let (mut ring, mut pages) = Ring::new();
        for round in 0..1000u32 {
            let bytes: Vec<u8> = (0..round % 700).map(|n| (n * 7 + round) as u8).collect();
            ring.write(0, &bytes);
            assert_eq!(next(&mut pages), Some(bytes), "{round}");
            assert!(pages.give_back());
            assert_eq!(ring.free(), ring.written);
        }
        assert_eq!(next(&mut pages), None);
        assert!(!pages.give_back());
    }

    #[test]
    fn what_is_still_being_written_is_waited_for_and_what_was_discarded_is_passed_over() {
        let (mut ring, mut pages) = Ring::new();
        ring.write(DISCARDED, b"not this");
        ring.write(0, b"this");
        ring.write(BUSY, b"not yet");
        assert_eq!(next(&mut pages).as_deref(), Some(&b"this"[..]));
        assert_eq!(next(&mut pages), None);
    }

    #[test]
    fn a_place_is_kept_until_it_is_given_back() {
        let (mut ring, mut pages) = Ring::new();
        ring.write(0, b"record");
        assert!(next(&mut pages).is_some());
        assert_eq!(ring.free(), 0);
        assert!(pages.give_back());
        assert_eq!(ring.free(), 16);
    }
}
