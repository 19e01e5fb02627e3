//! Work that is split among threads.
//!
//! The build with shared memory has a pool: every worker runs an instance of the same module over the
//! same memory, so that an address, and a function's too, means the same to all. A call publishes a
//! job and takes part in it; workers claim its chunks by compare-exchange on a counter that carries
//! the job's number, so that one which comes late claims nothing, and the call waits for claimed
//! chunks alone, not for every worker to wake. Other builds run the job as it is.

use core::ops::Range;

/// A job: called with the number of the thread, 0 for the caller's, and the units to do.
pub type Work<'a> = &'a dyn Fn(usize, Range<usize>);

/// Whether this build has threads at all; the others leave out what only they need.
pub const SHARED: bool = cfg!(target_feature = "atomics");

/// How many threads there are, with the caller's.
pub fn threads() -> usize {
    #[cfg(target_feature = "atomics")]
    return pool::workers() + 1;
    #[cfg(not(target_feature = "atomics"))]
    return 1;
}

/// Does `units` of work on all threads, each unit once. A result must not depend on who does what.
/// `cost` is that of all, in elements with a transcendental function each.
///
/// # Safety
/// What `work` does to different units must be free of data races, and it must not run a job itself.
pub unsafe fn run(units: usize, cost: usize, work: Work) {
    #[cfg(target_feature = "atomics")]
    if let Some(job) = pool::Job::new(units, work) {
        return pool::run(job, cost);
    }
    #[cfg(not(target_feature = "atomics"))]
    let _ = cost;
    work(0, 0..units);
}

#[cfg(target_feature = "atomics")]
pub use pool::{close, fail, failed, generation, open, work};

#[cfg(target_feature = "atomics")]
mod pool {
    use super::{Work, threads};
    use core::arch::wasm32::{memory_atomic_notify, memory_atomic_wait32};
    use core::cell::UnsafeCell;
    use core::hint::spin_loop;
    use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::*};

    /// Chunks for each thread: enough for the threads to end together, few enough to cost nothing.
    const SHARE: usize = 8;

    /// Work in chunks of a number of units.
    #[derive(Clone, Copy)]
    pub struct Job {
        work: Work<'static>,
        units: usize,
        grain: usize,
        chunks: usize,
    }

    impl Job {
        /// Work that is worth sharing out.
        pub fn new(units: usize, work: Work) -> Option<Job> {
            let grain = (units / (SHARE * threads())).max(1);
            let chunks = units.div_ceil(grain);
            // SAFETY: only what its lifetime is called changes. `run` returns once all chunks are done.
            let work = unsafe { core::mem::transmute::<Work<'_>, Work<'static>>(work) };
            let job = Job {
                work,
                units,
                grain,
                chunks,
            };
            (threads() > 1 && chunks > 1).then_some(job)
        }
    }

    /// The job that chunks are claimed of.
    struct Shared(UnsafeCell<Option<Job>>);
    // SAFETY: written by the caller's thread while no chunk can be claimed, read by those that have claimed one.
    unsafe impl Sync for Shared {}

    static JOB: Shared = Shared(UnsafeCell::new(None));
    /// The job's number, and below it how many of its chunks are left to claim.
    static CLAIM: AtomicU64 = AtomicU64::new(0);
    /// How many of its chunks are done.
    static DONE: AtomicUsize = AtomicUsize::new(0);
    /// Changes with every job and every stop; workers without work sleep on it.
    static BELL: AtomicU32 = AtomicU32::new(0);
    /// How many workers sleep, or are about to.
    static ASLEEP: AtomicUsize = AtomicUsize::new(0);
    /// What jobs cost since workers were last woken.
    static SPENT: AtomicUsize = AtomicUsize::new(0);
    /// How many workers take part.
    static WORKERS: AtomicUsize = AtomicUsize::new(0);
    /// Which pool this is: workers of an earlier one end.
    static GENERATION: AtomicU32 = AtomicU32::new(0);
    /// Not 0 once a worker has failed.
    static FAILED: AtomicU32 = AtomicU32::new(0);

    /// Turns without work before a worker sleeps: some 0.2 ms, longer than a call does alone what it cannot share.
    const AWAKE: u32 = 1 << 16;
    /// What a job, or several in a row, must cost to be worth a wake: some 0.5 ms, as a worker comes after
    /// some 0.1 ms, and calling it takes the caller 15 µs.
    const WORTH_WAKING: usize = 1 << 18;
    /// Turns without progress after which a worker that holds a chunk counts as dead: many seconds.
    const DEADLINE: u64 = 1 << 33;

    pub fn workers() -> usize {
        WORKERS.load(Relaxed)
    }

    /// The number of the pool, which its workers are told.
    pub fn generation() -> u32 {
        GENERATION.load(Relaxed)
    }

    /// Lets so many workers take part.
    pub fn open(workers: usize) {
        WORKERS.store(workers, Relaxed);
    }

    /// Ends the pool: its workers return from [`work`].
    pub fn close() {
        WORKERS.store(0, Relaxed);
        GENERATION.fetch_add(1, Release);
        BELL.fetch_add(1, Release);
        wake(u32::MAX);
    }

    /// Tells the caller that a worker cannot go on.
    pub fn fail() {
        FAILED.store(1, Release);
    }

    /// Whether a worker has failed.
    pub fn failed() -> bool {
        FAILED.load(Acquire) != 0
    }

    fn wake(workers: u32) {
        // SAFETY: the address of a static.
        unsafe { memory_atomic_notify(BELL.as_ptr().cast(), workers) };
    }

    pub fn run(job: Job, cost: usize) {
        DONE.store(0, Relaxed);
        // SAFETY: the chunks of the job before are all done, so nothing reads it any more.
        unsafe { *JOB.0.get() = Some(job) };
        let number = (CLAIM.load(Relaxed) >> 32).wrapping_add(1) << 32;
        CLAIM.store(number | job.chunks as u64, Release);
        BELL.fetch_add(1, SeqCst);
        // Workers that are awake see the job by themselves.
        if ASLEEP.load(SeqCst) > 0 {
            let spent = SPENT.load(Relaxed).saturating_add(cost);
            let worth = spent >= WORTH_WAKING;
            SPENT.store(if worth { 0 } else { spent }, Relaxed);
            if worth {
                wake((job.chunks - 1).min(workers()) as u32);
            }
        }
        while take(0, generation()) {}
        let (mut before, mut turns) = (0, 0);
        loop {
            if failed() {
                panic!("a worker has failed");
            }
            let done = DONE.load(Acquire);
            if done == job.chunks {
                return;
            }
            if done != before {
                (before, turns) = (done, 0);
            }
            turns += 1;
            if turns == DEADLINE {
                fail();
            }
            spin_loop();
        }
    }

    /// Claims a chunk and does it; says whether there was one. Whoever sees a job of a later pool sees that
    /// its own is closed, and leaves the job, and the scratch memory of its number, to that pool's workers.
    fn take(thread: usize, pool: u32) -> bool {
        let mut claim = CLAIM.load(Acquire);
        while claim as u32 > 0 && generation() == pool {
            match CLAIM.compare_exchange_weak(claim, claim - 1, Acquire, Acquire) {
                Ok(_) => {
                    // SAFETY: whoever has claimed a chunk may read the job until the chunk is done.
                    let Some(Job {
                        work,
                        units,
                        grain,
                        chunks,
                    }) = (unsafe { *JOB.0.get() })
                    else {
                        unreachable!("a chunk without a job");
                    };
                    let start = (chunks - claim as u32 as usize) * grain;
                    work(thread, start..units.min(start + grain));
                    DONE.fetch_add(1, Release);
                    return true;
                }
                Err(now) => claim = now,
            }
        }
        false
    }

    /// What a worker does until its pool is closed.
    pub fn work(thread: usize, pool: u32) {
        let mut idle = 0;
        loop {
            let bell = BELL.load(Acquire);
            if GENERATION.load(Acquire) != pool {
                return;
            }
            if take(thread, pool) {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle < AWAKE {
                spin_loop();
                continue;
            }
            idle = 0;
            ASLEEP.fetch_add(1, SeqCst);
            // Returns at once where the bell has rung since it was looked at.
            // SAFETY: the address of a static.
            unsafe { memory_atomic_wait32(BELL.as_ptr().cast(), bell as i32, -1) };
            ASLEEP.fetch_sub(1, SeqCst);
        }
    }
}
