//! Passes over the arguments that run before anything is written.

use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};

/// What the elements of an argument may be. NaN is data and passes everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Domain {
    /// 0 ≤ x ≤ 1.
    Unit,
    /// x ≥ 0.
    NonNegative,
    /// x = −1 or x = 1.
    Sign,
}

impl Domain {
    /// The domain of a code: 0, 1, 2 in the order above.
    pub fn from_code(code: u32) -> Option<Domain> {
        [Domain::Unit, Domain::NonNegative, Domain::Sign]
            .get(code as usize)
            .copied()
    }
}

/// The position of the first element outside the domain.
///
/// # Safety
/// `x` must be valid for reading `n` elements.
pub unsafe fn domain<I: Isa, T: Element>(domain: Domain, x: *const T, n: usize) -> Option<usize> {
    // SAFETY: as the caller's.
    unsafe {
        match domain {
            Domain::Unit => first::<I, T>(x, n, [0.0, 1.0], |x| x),
            Domain::NonNegative => first::<I, T>(x, n, [0.0, f64::INFINITY], |x| x),
            // No other square is rounded to 1.
            Domain::Sign => first::<I, T>(x, n, [1.0, 1.0], |x| x * x),
        }
    }
}

/// The position of the first element whose `of` lies outside of the two bounds.
#[inline(always)]
unsafe fn first<I: Isa, T: Element>(
    x: *const T,
    n: usize,
    [low, high]: [f64; 2],
    of: impl Fn(Vector<I, T>) -> Vector<I, T>,
) -> Option<usize> {
    const SPAN: usize = 1024;
    const SIDE_BY_SIDE: usize = 4;
    let count = Vector::<I, T>::COUNT;
    let step = SIDE_BY_SIDE * count;
    // NaN is neither below nor above.
    let outside = |x: Vector<I, T>| {
        let mut lanes = [T::from_f64(low); SUM_LANES];
        // SAFETY: a vector has at most eight lanes.
        unsafe { x.store(lanes.as_mut_ptr()) };
        let outside = |x: f64| x < low || x > high;
        lanes.iter().any(|&x| outside(x.to_f64()))
    };
    for start in (0..n).step_by(SPAN) {
        let end = n.min(start + SPAN);
        let whole = end - (end - start) % step;
        // The extremes, in which a NaN is passed over.
        let mut least = [Vector::<I, T>::splat(low); SIDE_BY_SIDE];
        let mut most = [Vector::<I, T>::splat(low); SIDE_BY_SIDE];
        for i in (start..whole).step_by(step) {
            for (k, (least, most)) in least.iter_mut().zip(&mut most).enumerate() {
                // SAFETY: i + step ≤ n.
                let x = of(unsafe { Vector::<I, T>::load(x.add(i + k * count)) });
                (*least, *most) = (least.min(x), most.max(x));
            }
        }
        // Only what is not clean, and the tail, is searched one by one.
        let clean = !least.into_iter().chain(most).any(outside);
        let bad = (if clean { whole } else { start }..end).find(|&i| {
            // SAFETY: i < n, and the copies fill a vector.
            outside(of(unsafe {
                Vector::<I, T>::load([*x.add(i); SUM_LANES].as_ptr())
            }))
        });
        if bad.is_some() {
            return bad;
        }
    }
    None
}

/// Class indices of a batch, with the one index that marks a row to leave out.
#[derive(Clone, Copy, Debug)]
pub struct Classes {
    /// One index a row.
    pub index: *const i32,
    /// Number of classes; every index that is not ignored lies below it.
    pub count: usize,
    /// The index of rows to leave out.
    pub ignore: Option<i32>,
}

impl Classes {
    /// The class of a row, `None` for a row to leave out.
    ///
    /// # Safety
    /// `row` must be below the number of rows.
    #[inline(always)]
    pub unsafe fn get(&self, row: usize) -> Option<usize> {
        // SAFETY: the caller vouches for the row.
        let class = unsafe { *self.index.add(row) };
        (Some(class) != self.ignore).then_some(class as usize)
    }

    /// The first of `rows` whose class is neither ignored nor below the count.
    ///
    /// # Safety
    /// `index` must be valid for reading `rows` elements.
    #[inline(never)]
    pub unsafe fn first_bad(&self, rows: usize) -> Option<usize> {
        // SAFETY: positions below rows are readable. A negative index wraps to a large one.
        (0..rows).find(|&row| unsafe { self.get(row) }.is_some_and(|class| class >= self.count))
    }
}

/// The first index of a row's list of classes, which ends at its first −1, that is out of range.
///
/// # Safety
/// `index` must be valid for reading rows·classes elements.
#[inline(never)]
pub unsafe fn first_bad_in_lists(index: *const i32, rows: usize, classes: usize) -> Option<usize> {
    (0..rows).find_map(|row| {
        (row * classes..(row + 1) * classes)
            // SAFETY: positions below rows·classes are readable.
            .map(|i| (i, unsafe { *index.add(i) }))
            .take_while(|&(_, class)| class != -1)
            .find(|&(_, class)| class < 0 || class as usize >= classes)
            .map(|(i, _)| i)
    })
}
