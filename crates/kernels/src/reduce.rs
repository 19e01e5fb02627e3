//! The deterministic sum.
//!
//! Terms go in blocks of [`BLOCK`]; term `i` of a block is added to float64 lane `i mod 8`; the
//! lanes combine as `((0+4)+(2+6))+((1+5)+(3+7))`; block sums combine by the aligned binary tree
//! over the block index, where a missing right child passes its sibling through. So the result
//! depends on the terms and their order alone, and work may be split at block borders.

use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};

/// Terms in a leaf of the summation tree, and elements in a unit of compiled work.
pub const BLOCK: usize = 4096;

/// Leaves of a tree over 2³² terms number 2²⁰, so 21 levels hold every pending sum.
const LEVELS: usize = 21;

/// A running sum of terms that arrive in order.
#[derive(Clone, Debug)]
pub struct Sum {
    lanes: [f64; SUM_LANES],
    /// Terms in the block being filled.
    filled: usize,
    /// Full blocks so far; bit `k` set means that `pending[k]` holds the sum of 2ᵏ blocks.
    blocks: usize,
    pending: [f64; LEVELS],
}

impl Default for Sum {
    fn default() -> Self {
        Sum {
            lanes: [0.0; SUM_LANES],
            filled: 0,
            blocks: 0,
            pending: [0.0; LEVELS],
        }
    }
}

impl Sum {
    /// Adds one term.
    #[inline]
    pub fn push(&mut self, term: f64) {
        self.lanes[self.filled % SUM_LANES] += term;
        self.advance(1);
    }

    /// Adds terms, eight at a time where they start so.
    #[inline]
    pub fn push_all<I: Isa>(&mut self, mut terms: &[f64]) {
        while self.filled.is_multiple_of(SUM_LANES) && terms.len() >= SUM_LANES {
            let n = (terms.len() - terms.len() % SUM_LANES).min(BLOCK - self.filled);
            // SAFETY: there are n terms.
            self.extend(n, |lanes| unsafe {
                accumulate::<I, f64>(terms.as_ptr(), n, lanes)
            });
            terms = &terms[n..];
        }
        terms.iter().for_each(|&term| self.push(term));
    }

    /// Adds `n` terms that `add` puts into the lanes itself. The terms must not cross a block
    /// border and must start at a multiple of eight.
    #[inline]
    pub fn extend(&mut self, n: usize, add: impl FnOnce(&mut [f64; SUM_LANES])) {
        debug_assert!(self.filled.is_multiple_of(SUM_LANES) && self.filled + n <= BLOCK);
        add(&mut self.lanes);
        self.advance(n);
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        self.filled += n;
        if self.filled == BLOCK {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        let sum = combine(self.lanes);
        self.lanes = [0.0; SUM_LANES];
        self.filled = 0;
        self.push_block(sum);
    }

    /// Adds the sum of a whole block, the last of all of which may be short, where no block is being
    /// filled.
    pub fn push_block(&mut self, mut sum: f64) {
        debug_assert!(self.filled == 0);
        let mut level = 0;
        while (self.blocks >> level) & 1 == 1 {
            sum += self.pending[level];
            level += 1;
        }
        self.pending[level] = sum;
        self.blocks += 1;
    }

    /// The sum of all terms; 0 when there are none.
    pub fn total(mut self) -> f64 {
        if self.filled > 0 {
            self.close_block();
        }
        let mut total = None;
        for level in 0..LEVELS {
            if (self.blocks >> level) & 1 == 1 {
                let left = self.pending[level];
                total = Some(total.map_or(left, |right| left + right));
            }
        }
        total.unwrap_or(0.0)
    }
}

/// The lanes of a block, combined in the one order.
#[inline]
pub fn combine(l: [f64; SUM_LANES]) -> f64 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// Adds `n` values to the lanes.
///
/// # Safety
/// `values` must be valid for reading `n` elements, a multiple of eight.
#[inline(never)]
pub unsafe fn accumulate<I: Isa, T: Element>(
    values: *const T,
    n: usize,
    lanes: &mut [f64; SUM_LANES],
) {
    let mut sum = <Vector<I, T> as Lanes>::Sum::from(*lanes);
    for i in (0..n).step_by(SUM_LANES) {
        for slot in 0..SUM_LANES / Vector::<I, T>::COUNT {
            // SAFETY: i + slot·COUNT + COUNT ≤ n, as n is a multiple of eight.
            unsafe {
                let vector = values.add(i + slot * Vector::<I, T>::COUNT);
                Vector::<I, T>::accumulate_from(vector, &mut sum, slot);
            }
        }
    }
    *lanes = sum.into();
}

/// The deterministic sum of an array.
///
/// # Safety
/// `values` must be valid for reading `n` elements.
pub unsafe fn sum<I: Isa, T: Element>(values: *const T, n: usize) -> f64 {
    let mut sum = Sum::default();
    let whole = n - n % SUM_LANES;
    for start in (0..whole).step_by(BLOCK) {
        let len = BLOCK.min(whole - start);
        // SAFETY: start + len ≤ n.
        sum.extend(len, |lanes| unsafe {
            accumulate::<I, T>(values.add(start), len, lanes)
        });
    }
    for i in whole..n {
        // SAFETY: i < n.
        sum.push(unsafe { *values.add(i) }.to_f64());
    }
    sum.total()
}

/// The divisor that weights of this sum make: NaN instead of 0, by which a mean would be infinite where smoothing, or
/// weights of both signs, leave something to divide.
pub fn weighted_divisor(sum: f64) -> f64 {
    if sum == 0.0 { f64::NAN } else { sum }
}
