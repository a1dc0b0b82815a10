//! Nothing is allocated per packet: every allocation of this process is counted while a worker plays to its legs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic in a test is a failed assertion"
)]
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature; this one counts and passes on")]

#[path = "media_support/mod.rs"]
mod support;

use holdfast::engine::command::{MusicManner, Program, Then};
use holdfast::media::{Codec, Library};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Phone, caller, engine, until};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn playing_and_fetching_allocate_nothing_per_packet() {
    let (mut handle, _events) = engine(Library::empty());
    let silence = Program {
        prompts: Vec::new(),
        language: "en".into(),
        then: Then::Silence,
        manner: MusicManner::default(),
    };
    let mut phones: Vec<Phone> = (0..100)
        .map(|number| Phone::connected(&mut handle, caller(number), None, Codec::Pcmu, 101))
        .collect();
    for number in 0..100 {
        handle.play(caller(number), &silence);
    }
    let counters = handle.counters().clone();
    until("all of them play", || counters[0].sent.value() > 1_000);
    phones.iter_mut().for_each(|phone| (0..5).for_each(|_| phone.send(0, false, &[0xFF; 160])));
    let before = (ALLOCATIONS.load(Ordering::Relaxed), counters[0].sent.value());
    until("many packets were sent", || counters[0].sent.value() > before.1 + 5_000);
    let packets = counters[0].sent.value() - before.1;
    let allocations = ALLOCATIONS.load(Ordering::Relaxed) - before.0;
    assert!(counters[0].received.value() >= 500, "what the phones sent was fetched");
    // A report every five seconds is allocated; a packet is not.
    assert!(allocations * 20 < packets, "{allocations} allocations for {packets} packets");
    handle.shutdown();
}
