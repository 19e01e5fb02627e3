//! Passes over the arguments that run before anything is written.

use crate::isa::{Element, Isa, Lanes, Vector};

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

    /// 1 where x lies outside the domain, 0 elsewhere.
    #[inline(always)]
    fn outside<V: Lanes>(self, x: V) -> V {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        match self {
            Domain::Unit => V::select(x.lt(zero) | x.gt(one), one, zero),
            Domain::NonNegative => V::select(x.lt(zero), one, zero),
            Domain::Sign => V::select(x.abs().eq(one) | !x.eq(x), zero, one),
        }
    }
}

/// The position of the first element outside the domain.
///
/// # Safety
/// `x` must be valid for reading `n` elements.
pub unsafe fn domain<I: Isa, T: Element>(domain: Domain, x: *const T, n: usize) -> Option<usize> {
    // A block is clean when its violations sum to 0; only a block that is not is searched.
    const SPAN: usize = 1024;
    let mut start = 0;
    while start < n {
        let len = SPAN.min(n - start);
        // SAFETY: start + len ≤ n.
        let bad = match domain {
            Domain::Unit => unsafe { first::<I, T, 0>(x.add(start), len) },
            Domain::NonNegative => unsafe { first::<I, T, 1>(x.add(start), len) },
            Domain::Sign => unsafe { first::<I, T, 2>(x.add(start), len) },
        };
        if let Some(i) = bad {
            return Some(start + i);
        }
        start += len;
    }
    None
}

#[inline(never)]
unsafe fn first<I: Isa, T: Element, const CODE: u32>(x: *const T, n: usize) -> Option<usize> {
    let domain = Domain::from_code(CODE)?;
    let count = Vector::<I, T>::COUNT;
    let whole = n - n % count;
    let mut seen = Vector::<I, T>::splat(0.0);
    for i in (0..whole).step_by(count) {
        // SAFETY: i + count ≤ n.
        seen = seen.max(domain.outside(unsafe { Vector::<I, T>::load(x.add(i)) }));
    }
    let mut lanes = [T::from_f64(0.0); 4];
    // SAFETY: a vector has at most four lanes.
    unsafe { seen.store(lanes.as_mut_ptr()) };
    let clean = lanes.iter().all(|&lane| lane == T::from_f64(0.0));
    // SAFETY: positions below n are readable.
    (if clean { whole } else { 0 }..n).find(|&i| {
        let one = unsafe { Vector::<crate::isa::Scalar, T>::load(x.add(i)) };
        let mut outside = [T::from_f64(0.0)];
        unsafe { domain.outside(one).store(outside.as_mut_ptr()) };
        outside[0] != T::from_f64(0.0)
    })
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
