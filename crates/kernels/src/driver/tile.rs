//! Rows of classes, a tile at a time.
//!
//! The class dimension of (outer, classes, inner) is contiguous or strided. A tile of rows is
//! swept in one of two ways: *along* long contiguous rows, lanes being classes, so that a sum
//! over classes takes class mod 8; or *across* rows, lanes being rows, so that it runs in class
//! order. Which one depends on the shape alone. What is swept across is staged in scratch memory, so
//! that all operands of a sweep have one stride. The text of a loss knows none of this.

mod quantities;
mod staging;
mod sweep;

use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use core::ptr::null_mut;
pub use quantities::{RowMemory, Rows};
pub use sweep::{Sweep, Swept};

/// The most rows of a tile.
pub const TILE: usize = 128;
/// Contiguous rows of fewer classes are swept across.
const LONG: usize = 32;
/// The most elements of a tile of several rows, so that it stays in the first-level cache.
const TILE_ELEMENTS: usize = 4096;

/// An array of shape (outer, classes, inner).
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Product of the dimensions before the class dimension.
    pub outer: usize,
    /// Size of the class dimension.
    pub classes: usize,
    /// Product of the dimensions after the class dimension.
    pub inner: usize,
}

impl Shape {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.outer * self.inner
    }

    fn along(&self) -> bool {
        self.inner == 1 && self.classes >= LONG
    }

    /// Rows of a tile: a power of two, at least the eight lanes of a sum when swept across.
    fn width(&self) -> usize {
        let fit = (TILE_ELEMENTS / self.classes.max(1)).clamp(1, TILE);
        let width = 1 << fit.ilog2();
        if self.along() {
            width
        } else {
            width.max(SUM_LANES)
        }
    }

    /// How many tiles the rows make.
    pub fn tiles(&self) -> usize {
        self.rows().div_ceil(self.width())
    }

    /// Elements of scratch memory that a tile with so many slots may need; more than there are
    /// addresses, perhaps.
    pub fn scratch(&self, slots: usize) -> u64 {
        if self.rows() == 0 {
            return 0;
        }
        slots as u64 * self.width() as u64 * self.classes as u64
    }

    /// Position of an element.
    pub fn position(&self, row: usize, class: usize) -> usize {
        (row / self.inner * self.classes + class) * self.inner + row % self.inner
    }
}

/// Where the elements of a tile lie: element (row, class) at `row·rows + class·classes`.
#[derive(Clone, Copy)]
pub struct View<T> {
    data: *mut T,
    rows: usize,
    classes: usize,
}

impl<T: Element> View<T> {
    /// What a sweep is given for a result that nobody wants.
    pub fn nowhere() -> Self {
        View {
            data: null_mut(),
            rows: 0,
            classes: 0,
        }
    }

    /// Reads one element.
    ///
    /// # Safety
    /// Row and class must lie in the tile that the view is of.
    pub unsafe fn get(&self, row: usize, class: usize) -> T {
        // SAFETY: the caller vouches for the position.
        unsafe { *self.data.add(row * self.rows + class * self.classes) }
    }

    /// Writes one element.
    ///
    /// # Safety
    /// Row and class must lie in the tile, and the view must be of an output.
    pub unsafe fn set(&self, row: usize, class: usize, value: T) {
        // SAFETY: the caller vouches for the position.
        unsafe { *self.data.add(row * self.rows + class * self.classes) = value }
    }
}

/// Consecutive rows that are swept together.
pub struct Tile<'m, T> {
    shape: Shape,
    /// The first row.
    pub first: usize,
    /// How many rows there are.
    pub rows: usize,
    scratch: *mut T,
    /// Whether it is the first that uses the scratch memory.
    fresh: bool,
    memory: &'m RowMemory,
}

impl<'m, T: Element> Tile<'m, T> {
    /// The tile of this number. `fresh` tells whether it is the first that uses the scratch memory.
    pub fn new(
        shape: Shape,
        number: usize,
        scratch: *mut T,
        fresh: bool,
        memory: &'m mut RowMemory,
    ) -> Self {
        let first = number * shape.width();
        Tile {
            shape,
            first,
            rows: shape.width().min(shape.rows() - first),
            scratch,
            fresh,
            memory: memory.emptied(),
        }
    }

    fn columns(&self) -> usize {
        self.shape.width()
    }

    /// A view of scratch memory.
    pub fn scratch(&self, slot: usize) -> View<T> {
        let (rows, classes) = if self.shape.along() {
            (self.shape.classes, 1)
        } else {
            (1, self.columns())
        };
        View {
            // SAFETY: the driver's caller gave a tile's elements for every slot of the loss.
            data: unsafe { self.scratch.add(slot * self.columns() * self.shape.classes) },
            rows,
            classes,
        }
    }

    /// A view of ones in scratch memory, for a slot that nothing else is written in.
    pub fn ones(&self, slot: usize) -> View<T> {
        let view = self.scratch(slot);
        if self.fresh {
            for k in 0..self.columns() * self.shape.classes {
                // SAFETY: a slot has a tile's elements, the padding among them.
                unsafe { view.data.add(k).write(T::from_f64(1.0)) };
            }
        }
        view
    }

    /// The greatest element of each row; NaN is passed over.
    ///
    /// # Safety
    /// The view must be of this tile.
    pub unsafe fn max<I: Isa>(&self, x: View<T>) -> Rows<'_, T> {
        let mut max = self.filled(f64::NEG_INFINITY);
        // SAFETY: the view covers the tile's rows, padded to eight when swept across.
        unsafe {
            if self.shape.along() {
                for (row, max) in max.iter_mut().enumerate().take(self.rows) {
                    *max = max_along::<I, T>(x.data.add(row * x.rows), self.shape.classes);
                }
            } else {
                for row in (0..self.rows).step_by(SUM_LANES) {
                    max_across::<I, T>(
                        View {
                            data: x.data.add(row),
                            ..x
                        },
                        self.shape.classes,
                        &mut max[row..],
                    );
                }
            }
        }
        max
    }
}

#[inline(never)]
unsafe fn max_along<I: Isa, T: Element>(x: *const T, n: usize) -> T {
    let count = Vector::<I, T>::COUNT;
    let lowest = Vector::<I, T>::splat(f64::NEG_INFINITY);
    let mut max = [lowest; 4];
    let whole = n - n % (4 * count);
    for i in (0..whole).step_by(4 * count) {
        for (k, max) in max.iter_mut().enumerate() {
            // SAFETY: i + 4·count ≤ n.
            *max = max.max(unsafe { Vector::<I, T>::load(x.add(i + k * count)) });
        }
    }
    let mut lanes = [T::from_f64(f64::NEG_INFINITY); 4];
    // SAFETY: a vector has at most four lanes.
    unsafe {
        max[0]
            .max(max[1])
            .max(max[2].max(max[3]))
            .store(lanes.as_mut_ptr())
    };
    let greater = |a: T, b: T| if a < b { b } else { a };
    let best = lanes.into_iter().fold(lanes[0], greater);
    // SAFETY: i < n.
    (whole..n).fold(best, |best, i| greater(best, unsafe { *x.add(i) }))
}

#[inline(never)]
unsafe fn max_across<I: Isa, T: Element>(x: View<T>, classes: usize, out: &mut [T]) {
    let count = Vector::<I, T>::COUNT;
    for row in (0..SUM_LANES).step_by(count) {
        let mut max = Vector::<I, T>::splat(f64::NEG_INFINITY);
        for class in 0..classes {
            // SAFETY: the view has eight rows from here.
            max = max.max(unsafe { Vector::<I, T>::load(x.data.add(class * x.classes + row)) });
        }
        // SAFETY: out has eight elements.
        unsafe { max.store(out[row..row + count].as_mut_ptr()) };
    }
}
