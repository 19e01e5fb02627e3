//! Row quantities: a number for each row of a tile.

use super::{TILE, Tile};
use crate::isa::{Element, Isa, Lanes, Native, SUM_LANES, Vector};
use core::array::from_fn;
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};

/// The most row quantities of a tile.
const QUANTITIES: usize = 64;

/// Room for a row quantity, aligned as vectors are.
#[repr(align(16))]
struct Quantity {
    _room: [f64; TILE],
}

/// Where the row quantities of a tile lie. They are many and short: as values they would be copied and
/// filled by `memory.copy` and `memory.fill`, for which V8 leaves WebAssembly.
pub struct RowMemory {
    quantities: UnsafeCell<[MaybeUninit<Quantity>; QUANTITIES]>,
    taken: Cell<usize>,
}

impl RowMemory {
    /// With nothing in it.
    #[expect(clippy::new_without_default, reason = "one way to make it")]
    pub fn new() -> Self {
        RowMemory {
            quantities: UnsafeCell::new([const { MaybeUninit::uninit() }; QUANTITIES]),
            taken: Cell::new(0),
        }
    }

    /// With nothing in it any more.
    pub(super) fn emptied(&mut self) -> &Self {
        self.taken.set(0);
        self
    }
}

/// A quantity of each row of a tile, and of the padding up to a multiple of eight.
pub struct Rows<'t, T>(&'t mut [T]);

impl<'t, T> Rows<'t, T> {
    /// The quantity in memory that was taken.
    ///
    /// # Safety
    /// All of it must be written.
    unsafe fn written(rows: &'t mut [MaybeUninit<T>]) -> Self {
        // SAFETY: as the caller's.
        Rows(unsafe { rows.assume_init_mut() })
    }
}

impl<T> Deref for Rows<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.0
    }
}

impl<T> DerefMut for Rows<'_, T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0
    }
}

impl<'m, T: Element> Tile<'m, T> {
    /// The tile with other memory for its row quantities, for one turn of a loop.
    pub fn with<'n>(&self, memory: &'n mut RowMemory) -> Tile<'n, T> {
        Tile {
            memory: memory.emptied(),
            ..*self
        }
    }

    /// Memory for a row quantity.
    #[expect(clippy::mut_from_ref, reason = "each part is taken once")]
    #[inline(never)]
    fn take<U: Element>(&self) -> &mut [MaybeUninit<U>] {
        const { assert!(size_of::<U>() <= size_of::<f64>()) };
        let taken = self.memory.taken.get();
        assert!(
            taken < QUANTITIES,
            "a loss has more row quantities than QUANTITIES"
        );
        self.memory.taken.set(taken + 1);
        let padded = self.rows.next_multiple_of(SUM_LANES);
        // SAFETY: the part exists, holds TILE ≥ padded elements that are no larger, and is nobody else's
        // until the memory is borrowed for another tile.
        unsafe {
            let part = self.memory.quantities.get().cast::<Quantity>().add(taken);
            core::slice::from_raw_parts_mut(part.cast(), padded)
        }
    }

    /// The same for each row.
    #[inline(never)]
    pub fn filled<U: Element>(&self, value: f64) -> Rows<'_, U> {
        const {
            assert!(size_of::<Vector<Native, U>>() == Vector::<Native, U>::COUNT * size_of::<U>());
            assert!(align_of::<Vector<Native, U>>() <= align_of::<Quantity>());
        }
        let rows = self.take();
        let values = Vector::<Native, U>::splat(value);
        let to = rows.as_mut_ptr().cast::<Vector<Native, U>>();
        for k in 0..rows.len() / Vector::<Native, U>::COUNT {
            // SAFETY: a valid place, aligned and of the vector's size, as asserted. Volatile, or the compiler would call `memory.fill`.
            unsafe { core::ptr::write_volatile(to.add(k), values) };
        }
        // SAFETY: all is written.
        unsafe { Rows::written(rows) }
    }

    /// What `f` gives for each row; the padding is 0.
    pub fn each<U: Element>(&self, mut f: impl FnMut(usize) -> U) -> Rows<'_, U> {
        let rows = self.take();
        for (row, to) in rows.iter_mut().enumerate() {
            to.write(if row < self.rows {
                f(row)
            } else {
                U::from_f64(0.0)
            });
        }
        // SAFETY: all is written.
        unsafe { Rows::written(rows) }
    }

    /// What `f` gives for the quantity of each row.
    pub fn map<U: Element, W: Element>(&self, x: &Rows<U>, f: impl Fn(U) -> W) -> Rows<'_, W> {
        let rows = self.take();
        assert_eq!(rows.len(), x.len(), "a quantity of another tile");
        for (to, &x) in rows.iter_mut().zip(x.iter()) {
            to.write(f(x));
        }
        // SAFETY: all is written, as both are equally long.
        unsafe { Rows::written(rows) }
    }

    /// Row quantities rounded to the element type.
    #[inline(never)]
    pub fn round(&self, x: &Rows<f64>) -> Rows<'_, T> {
        self.map(x, T::from_f64)
    }

    /// Row quantities widened to float64.
    #[inline(never)]
    pub fn widen(&self, x: &Rows<T>) -> Rows<'_, f64> {
        self.map(x, T::to_f64)
    }

    /// Evaluates `f` on float64 quantities of each row.
    pub fn each_row<I: Isa, const N: usize, const M: usize>(
        &self,
        inputs: [&Rows<f64>; N],
        f: impl Fn([I::F64; N]) -> [I::F64; M],
    ) -> [Rows<'_, f64>; M] {
        let mut out: [&mut [MaybeUninit<f64>]; M] = from_fn(|_| self.take());
        let padded = self.rows.next_multiple_of(SUM_LANES);
        let inputs = inputs.map(|x| {
            assert_eq!(padded, x.len(), "a quantity of another tile");
            x.as_ptr()
        });
        let places = out.each_mut().map(|rows| rows.as_mut_ptr().cast::<f64>());
        // SAFETY: the quantities have the padded rows.
        unsafe { each_row::<I, N, M>(padded, &inputs, &places, f) };
        // SAFETY: all is written.
        out.map(|rows| unsafe { Rows::written(rows) })
    }
}

/// [`Tile::each_row`] without its element type: the code is the same for both, and so is kept once.
#[inline(never)]
unsafe fn each_row<I: Isa, const N: usize, const M: usize>(
    padded: usize,
    inputs: &[*const f64; N],
    places: &[*mut f64; M],
    f: impl Fn([I::F64; N]) -> [I::F64; M],
) {
    for row in (0..padded).step_by(I::F64::COUNT) {
        // SAFETY: COUNT divides eight, so row + COUNT is in the padded rows.
        unsafe {
            let result = f(inputs.map(|x| I::F64::load(x.add(row))));
            for (to, result) in places.iter().zip(result) {
                result.store(to.add(row));
            }
        }
    }
}
