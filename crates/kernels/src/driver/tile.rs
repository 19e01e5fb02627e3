//! Rows of classes, a tile at a time.
//!
//! The class dimension of (outer, classes, inner) is contiguous or strided. A tile of rows is
//! swept in one of two ways: *along* long contiguous rows, lanes being classes, so that a sum
//! over classes takes class mod 8; or *across* rows, lanes being rows, so that it runs in class
//! order. Which one depends on the shape alone. What is swept across is staged in scratch memory, so
//! that all operands of a sweep have one stride. The text of a loss knows none of this.

use crate::isa::{Element, Isa, Lanes, SUM_LANES, Vector};
use crate::reduce::{BLOCK, combine};
use core::array::from_fn;
use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::{copy_nonoverlapping, null, null_mut};

/// The most rows of a tile.
pub const TILE: usize = 128;
/// Contiguous rows of fewer classes are swept across.
const LONG: usize = 32;
/// The most elements of a tile of several rows, so that it stays in the first-level cache.
const TILE_ELEMENTS: usize = 4096;
/// The most row quantities of a tile.
const QUANTITIES: usize = 64;

/// Where the row quantities of a tile lie. They are many and short: as values they would be copied and
/// filled by `memory.copy` and `memory.fill`, for which V8 leaves WebAssembly.
pub struct RowMemory {
    quantities: UnsafeCell<[MaybeUninit<[f64; TILE]>; QUANTITIES]>,
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
}

/// A quantity of each row of a tile, and of the padding up to a multiple of eight.
pub struct Rows<'t, T>(&'t mut [T]);

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

/// What a sweep of a tile reads and writes.
pub struct Sweep<'a, T, const E: usize, const R: usize, const K: usize, const O: usize> {
    /// Operands with a value for every row and class.
    pub elements: [View<T>; E],
    /// Operands with a value for every row.
    pub rows: [&'a Rows<'a, T>; R],
    /// Operands with a value for every class; null stands for ones.
    pub classes: [*const T; K],
    /// Results with a value for every row and class; may be operands too, or [`View::nowhere`].
    pub out: [View<T>; O],
}

/// What a sweep gives for a vector of elements: results, terms of float64 sums, and terms of
/// counts, which stay exact in the element type.
pub type Swept<V, const O: usize, const S: usize, const A: usize> = ([V; O], [V; S], [V; A]);

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
        memory.taken.set(0);
        Tile {
            shape,
            first,
            rows: shape.width().min(shape.rows() - first),
            scratch,
            fresh,
            memory,
        }
    }

    /// The tile with other memory for its row quantities, for one turn of a loop.
    pub fn with<'n>(&self, memory: &'n mut RowMemory) -> Tile<'n, T> {
        memory.taken.set(0);
        Tile { memory, ..*self }
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
            let part = self
                .memory
                .quantities
                .get()
                .cast::<[f64; TILE]>()
                .add(taken);
            core::slice::from_raw_parts_mut(part.cast(), padded)
        }
    }

    /// The same for each row.
    #[inline(never)]
    pub fn filled<U: Element>(&self, value: f64) -> Rows<'_, U> {
        let rows = self.take();
        for to in rows.iter_mut() {
            // SAFETY: a valid place. Volatile, or the compiler would call `memory.fill`.
            unsafe { core::ptr::write_volatile(to, MaybeUninit::new(U::from_f64(value))) };
        }
        // SAFETY: all is written.
        Rows(unsafe { rows.assume_init_mut() })
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
        Rows(unsafe { rows.assume_init_mut() })
    }

    /// What `f` gives for the quantity of each row.
    pub fn map<U: Element, W: Element>(&self, x: &Rows<U>, f: impl Fn(U) -> W) -> Rows<'_, W> {
        let rows = self.take();
        assert_eq!(rows.len(), x.len(), "a quantity of another tile");
        for (to, &x) in rows.iter_mut().zip(x.iter()) {
            to.write(f(x));
        }
        // SAFETY: all is written, as both are equally long.
        Rows(unsafe { rows.assume_init_mut() })
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

    /// The rows where they lie, if they are swept along.
    fn in_place(&self, data: *mut T) -> Option<View<T>> {
        self.shape.along().then(|| View {
            // SAFETY: the first row lies in the array.
            data: unsafe { data.add(self.shape.position(self.first, 0)) },
            rows: self.shape.classes,
            classes: 1,
        })
    }

    /// Calls `each` with the position of an element of the tile, its place in a staged view, and how
    /// many elements of consecutive rows follow each other from there, in both.
    fn each_run(&self, mut each: impl FnMut(usize, usize, usize)) {
        let (classes, inner) = (self.shape.classes, self.shape.inner);
        let mut row = 0;
        while row < self.rows {
            let at = self.first + row;
            let run = (inner - at % inner).min(self.rows - row);
            let position = self.shape.position(at, 0);
            for class in 0..classes {
                each(position + class * inner, row + class * self.columns(), run);
            }
            row += run;
        }
    }

    /// A view of an input, through scratch memory where it has to be staged.
    ///
    /// # Safety
    /// `data` must be valid for reading the whole shape.
    pub unsafe fn input(&self, data: *const T, slot: usize) -> View<T> {
        if let Some(view) = self.in_place(data.cast_mut()) {
            return view;
        }
        let view = self.scratch(slot);
        let (classes, columns) = (self.shape.classes, self.columns());
        // SAFETY: positions of the tile's rows; the others are padding, written only in the view.
        unsafe {
            if self.shape.inner == 1 {
                let from = data.add(self.first * classes);
                transpose(from, (self.rows, classes), view.data, columns);
            } else {
                self.each_run(|position, place, run| {
                    copy(data.add(position), view.data.add(place), run);
                });
            }
            for row in self.rows..self.rows.next_multiple_of(SUM_LANES) {
                (0..classes).for_each(|class| view.set(row, class, T::from_f64(0.0)));
            }
        }
        view
    }

    /// A view to write an output through, or nowhere for null; [`Tile::commit`] follows.
    pub fn output(&self, data: *mut T, slot: usize) -> View<T> {
        if data.is_null() {
            return View::nowhere();
        }
        self.in_place(data).unwrap_or_else(|| self.scratch(slot))
    }

    /// Puts a staged output where it belongs, if it is wanted.
    ///
    /// # Safety
    /// `data` must be null or valid for writing the whole shape, and `view` come from `output(data, …)`.
    pub unsafe fn commit(&self, view: View<T>, data: *mut T) {
        if data.is_null() || self.shape.along() {
            return;
        }
        let (classes, columns) = (self.shape.classes, self.columns());
        // SAFETY: positions of the tile's rows.
        unsafe {
            if self.shape.inner == 1 {
                let to = data.add(self.first * classes);
                transpose_back(view.data, columns, to, (self.rows, classes));
            } else {
                self.each_run(|position, place, run| {
                    copy(view.data.add(place), data.add(position), run);
                });
            }
        }
    }

    /// Sets the tile's elements of an array to 0.
    ///
    /// # Safety
    /// `data` must be valid for writing the whole shape.
    pub unsafe fn clear(&self, data: *mut T) {
        let fill = |position: usize, n: usize| {
            // SAFETY: positions of the tile's rows.
            unsafe { core::slice::from_raw_parts_mut(data.add(position), n) }
                .fill(T::from_f64(0.0));
        };
        let classes = self.shape.classes;
        if self.shape.inner == 1 {
            fill(self.first * classes, self.rows * classes);
        } else {
            self.each_run(|position, _, run| fill(position, run));
        }
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

    /// Evaluates `f` on every element, writes its results, and gives for each row the sums and
    /// counts of its terms over the classes.
    ///
    /// # Safety
    /// Views and row operands must be of this tile, and class operands valid for reading every class.
    pub unsafe fn sweep<
        I: Isa,
        const E: usize,
        const R: usize,
        const K: usize,
        const O: usize,
        const S: usize,
        const A: usize,
    >(
        &self,
        sweep: Sweep<T, E, R, K, O>,
        f: impl Fn(
            [Vector<I, T>; E],
            [Vector<I, T>; R],
            [Vector<I, T>; K],
        ) -> Swept<Vector<I, T>, O, S, A>
        + Copy,
    ) -> ([Rows<'_, f64>; S], [Rows<'_, f64>; A]) {
        const { assert!(E <= MOST && R <= MOST && K <= MOST && O <= MOST && S + A <= MOST) };
        let mut sums: [_; S] = from_fn(|_| self.filled(0.0));
        let mut counts: [_; A] = from_fn(|_| self.filled(0.0));
        let mut totals = [null_mut(); MOST];
        for (total, rows) in totals.iter_mut().zip(sums.iter_mut().chain(&mut counts)) {
            *total = rows.as_mut_ptr();
        }
        // SAFETY: views are of this tile, and the arrays have the lengths that `evaluate` is told.
        unsafe {
            self.drive(
                &sweep.elements,
                &sweep.rows,
                &sweep.classes,
                &sweep.out,
                &totals[..S + A],
                &|groups| evaluate::<I, T, E, R, K, O, S, A>(groups, f),
            );
        }
        (sums, counts)
    }

    /// The loop over rows of a sweep, compiled once a dtype: it gives `body` groups of eight elements.
    #[inline(never)]
    unsafe fn drive(
        &self,
        elements: &[View<T>],
        rows: &[&Rows<T>],
        classes: &[*const T],
        out: &[View<T>],
        totals: &[*mut f64],
        body: &dyn Fn(&Groups<T>),
    ) {
        let (n, along) = (self.shape.classes, self.shape.along());
        let mut groups = Groups {
            outer: self.rows.div_ceil(SUM_LANES),
            outer_step: SUM_LANES,
            inner: n,
            step: self.columns(),
            along,
            elements: [null(); MOST],
            rows: [null(); MOST],
            classes: [null(); MOST],
            out: [null_mut(); MOST],
            sums: [null_mut(); MOST],
        };
        for (to, view) in groups.elements.iter_mut().zip(elements) {
            *to = view.data;
        }
        for (to, row) in groups.rows.iter_mut().zip(rows) {
            *to = row.as_ptr();
        }
        groups.classes[..classes.len()].copy_from_slice(classes);
        for (to, view) in groups.out.iter_mut().zip(out) {
            *to = view.data;
        }
        groups.sums[..totals.len()].copy_from_slice(totals);
        if !along {
            return body(&groups);
        }
        // Eight lanes for each row, whose sum is its total.
        let mut lanes = [MaybeUninit::<[[f64; SUM_LANES]; TILE]>::uninit(); MOST];
        let lanes = &mut lanes[..totals.len()];
        for (to, lanes) in groups.sums.iter_mut().zip(lanes.iter_mut()) {
            *to = lanes.as_mut_ptr().cast();
            // SAFETY: a tile has at most TILE rows.
            unsafe { to.write_bytes(0, self.rows * SUM_LANES) };
        }
        // And eight times each row's values.
        let mut spread = [MaybeUninit::<[[T; SUM_LANES]; TILE]>::uninit(); MOST];
        for ((to, spread), values) in groups.rows.iter_mut().zip(&mut spread).zip(rows) {
            let spread: *mut [T; SUM_LANES] = spread.as_mut_ptr().cast();
            for (row, &value) in values.iter().enumerate().take(self.rows) {
                // SAFETY: as above.
                unsafe { *spread.add(row) = [value; SUM_LANES] };
            }
            *to = spread.cast();
        }
        (groups.outer, groups.outer_step, groups.step) = (self.rows, n, SUM_LANES);
        // In blocks, which the first-level cache holds while they are gone through again.
        let mut left = n;
        // SAFETY: blocks and tail lie in the rows.
        unsafe {
            loop {
                let block = left.min(BLOCK);
                groups.inner = block / SUM_LANES;
                body(&groups);
                left -= groups.inner * SUM_LANES;
                if left == 0 {
                    break;
                }
                groups.advance(groups.inner * SUM_LANES);
                if left < SUM_LANES {
                    groups.tail(left, totals.len(), body);
                    break;
                }
            }
            for (&total, lanes) in totals.iter().zip(lanes.iter()) {
                let lanes: *const [f64; SUM_LANES] = lanes.as_ptr().cast();
                for row in 0..self.rows {
                    *total.add(row) = combine(*lanes.add(row));
                }
            }
        }
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
        out.map(|rows| Rows(unsafe { rows.assume_init_mut() }))
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

/// Copies `n` elements, in steps of four: V8 does so with a whole row of a tile in the time that a call of
/// `memory.copy` costs.
#[inline(always)]
unsafe fn copy<T: Element>(from: *const T, to: *mut T, n: usize) {
    // SAFETY: the caller's elements, each once.
    unsafe {
        let step = |at: usize| *to.add(at).cast::<[T; 4]>() = *from.add(at).cast::<[T; 4]>();
        let mut i = 0;
        while i + 8 <= n {
            step(i);
            step(i + 4);
            i += 8;
        }
        if n & 4 > 0 {
            step(i);
            i += 4;
        }
        if n & 2 > 0 {
            *to.add(i).cast::<[T; 2]>() = *from.add(i).cast::<[T; 2]>();
            i += 2;
        }
        if n & 1 > 0 {
            *to.add(i) = *from.add(i);
        }
    }
}

/// Writes (rows, columns) with the columns one after the other, `stride` apart.
#[inline(never)]
unsafe fn transpose<T: Element>(
    from: *const T,
    (rows, columns): (usize, usize),
    to: *mut T,
    stride: usize,
) {
    // SAFETY: the caller's elements, each once.
    unsafe {
        let whole = rows - rows % 4;
        for row in (0..whole).step_by(4) {
            let from = from.add(row * columns);
            for column in 0..columns {
                let four: [T; 4] = from_fn(|i| *from.add(i * columns + column));
                *to.add(column * stride + row).cast() = four;
            }
        }
        for row in whole..rows {
            for column in 0..columns {
                *to.add(column * stride + row) = *from.add(row * columns + column);
            }
        }
    }
}

/// The inverse of [`transpose`].
#[inline(never)]
unsafe fn transpose_back<T: Element>(
    from: *const T,
    stride: usize,
    to: *mut T,
    (rows, columns): (usize, usize),
) {
    // SAFETY: the caller's elements, each once.
    unsafe {
        let whole = rows - rows % 4;
        for row in (0..whole).step_by(4) {
            let to = to.add(row * columns);
            for column in 0..columns {
                let four: [T; 4] = *from.add(column * stride + row).cast();
                for (i, x) in four.into_iter().enumerate() {
                    *to.add(i * columns + column) = x;
                }
            }
        }
        for row in whole..rows {
            for column in 0..columns {
                *to.add(row * columns + column) = *from.add(column * stride + row);
            }
        }
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

/// The most operands, results or sums of a sweep.
const MOST: usize = 12;

/// Vectors that a sweep goes through side by side.
const PAIR: usize = 2;

/// What the loop of a sweep runs over: `outer` times `inner` groups of eight elements.
struct Groups<T> {
    outer: usize,
    inner: usize,
    /// Whether a group is of classes of one row, or of rows of one class.
    along: bool,
    /// Distance between the outer groups of elements and results, and between their inner ones.
    outer_step: usize,
    step: usize,
    elements: [*const T; MOST],
    /// Eight values for each outer group.
    rows: [*const T; MOST],
    /// One value for each class.
    classes: [*const T; MOST],
    out: [*mut T; MOST],
    /// Eight lanes for each outer group: of the sums, then of the counts.
    sums: [*mut f64; MOST],
}

impl<T: Element> Groups<T> {
    /// Moves on by so many classes of a row.
    unsafe fn advance(&mut self, classes: usize) {
        let operands = self.elements.iter_mut().chain(&mut self.classes);
        for p in operands.filter(|p| !p.is_null()) {
            // SAFETY: the caller has as many classes left.
            *p = unsafe { p.add(classes) };
        }
        for p in self.out.iter_mut().filter(|p| !p.is_null()) {
            // SAFETY: as above.
            *p = unsafe { p.add(classes) };
        }
    }

    /// Evaluates the last classes of each row, fewer than eight, in a copy that is padded.
    #[inline(never)]
    unsafe fn tail(&self, rest: usize, sums: usize, body: &dyn Fn(&Groups<T>)) {
        let mut copies = [[[T::from_f64(1.0); SUM_LANES]; MOST]; 3];
        let [elements, classes, out] = &mut copies;
        for row in 0..self.outer {
            let mut lanes = [[0.0; SUM_LANES]; MOST];
            let mut groups = Groups {
                outer: 1,
                inner: 1,
                ..*self
            };
            let start = row * self.outer_step;
            // SAFETY: `rest` classes are left in every array that there is.
            unsafe {
                for (p, copy) in groups.elements.iter_mut().zip(elements.iter_mut()) {
                    if !p.is_null() {
                        copy_nonoverlapping(p.add(start), copy.as_mut_ptr(), rest);
                        *p = copy.as_ptr();
                    }
                }
                for (p, copy) in groups.classes.iter_mut().zip(classes.iter_mut()) {
                    if !p.is_null() {
                        copy_nonoverlapping(*p, copy.as_mut_ptr(), rest);
                        *p = copy.as_ptr();
                    }
                }
                for p in groups.rows.iter_mut().filter(|p| !p.is_null()) {
                    *p = p.add(row * SUM_LANES);
                }
                for (p, copy) in groups.out.iter_mut().zip(out.iter_mut()) {
                    if !p.is_null() {
                        *p = copy.as_mut_ptr();
                    }
                }
                for (to, lanes) in groups.sums.iter_mut().zip(&mut lanes) {
                    *to = lanes.as_mut_ptr();
                }
                body(&groups);
                for (p, copy) in self.out.iter().zip(out.iter()) {
                    if !p.is_null() {
                        copy_nonoverlapping(copy.as_ptr(), p.add(start), rest);
                    }
                }
                for (to, lanes) in self.sums.iter().zip(&lanes).take(sums) {
                    for (k, lane) in lanes.iter().enumerate().take(rest) {
                        *to.add(row * SUM_LANES + k) += lane;
                    }
                }
            }
        }
    }
}

/// Evaluates `f` on groups of eight elements, writes its results and adds its terms to the sums.
#[inline(never)]
unsafe fn evaluate<
    I: Isa,
    T: Element,
    const E: usize,
    const R: usize,
    const K: usize,
    const O: usize,
    const S: usize,
    const A: usize,
>(
    groups: &Groups<T>,
    f: impl Fn([Vector<I, T>; E], [Vector<I, T>; R], [Vector<I, T>; K]) -> Swept<Vector<I, T>, O, S, A>,
) {
    let count = Vector::<I, T>::COUNT;
    let along = groups.along;
    let class_values: [*const T; K] = from_fn(|k| groups.classes[k]);
    let elements: [*const T; E] = from_fn(|k| groups.elements[k]);
    let out: [*mut T; O] = from_fn(|k| groups.out[k]);
    // Two vectors of each group at a time: one would wait for its sums, more would be as many copies of
    // the loss's text. In one loop, as the compiler would repeat the text of a short one inside another.
    for row in (0..groups.outer * SUM_LANES).step_by(PAIR * count) {
        let lane = row % SUM_LANES;
        let first = row / SUM_LANES * groups.outer_step + lane;
        // SAFETY: the groups lie in what the pointers are of.
        unsafe {
            let rows: [[Vector<I, T>; R]; PAIR] =
                from_fn(|i| from_fn(|k| Vector::<I, T>::load(groups.rows[k].add(row + i * count))));
            let mut sums: [<Vector<I, T> as Lanes>::Sum; S] = from_fn(|k| {
                let mut lanes = [0.0; SUM_LANES];
                copy_nonoverlapping(groups.sums[k].add(row), lanes.as_mut_ptr(), PAIR * count);
                lanes.into()
            });
            let mut counts = [[Vector::<I, T>::splat(0.0); PAIR]; A];
            for inner in 0..groups.inner {
                let at = first + inner * groups.step;
                for i in 0..PAIR {
                    let (result, terms, ones) = f(
                        elements.map(|p| Vector::<I, T>::load(p.add(at + i * count))),
                        rows[i],
                        class_values.map(|p| {
                            if p.is_null() {
                                Vector::<I, T>::splat(1.0)
                            } else if along {
                                Vector::<I, T>::load(p.add(lane + inner * SUM_LANES + i * count))
                            } else {
                                Vector::<I, T>::splat((*p.add(inner)).to_f64())
                            }
                        }),
                    );
                    for (result, p) in result.into_iter().zip(out) {
                        if !p.is_null() {
                            result.store(p.add(at + i * count));
                        }
                    }
                    for (sum, term) in sums.iter_mut().zip(terms) {
                        term.accumulate(sum, i);
                    }
                    for (count, one) in counts.iter_mut().zip(ones) {
                        count[i] = count[i] + one;
                    }
                }
            }
            for (k, sum) in sums.into_iter().enumerate() {
                let lanes: [f64; SUM_LANES] = sum.into();
                copy_nonoverlapping(lanes.as_ptr(), groups.sums[k].add(row), PAIR * count);
            }
            for (k, ones) in counts.into_iter().enumerate() {
                for (i, ones) in ones.into_iter().enumerate() {
                    let mut lanes = [T::from_f64(0.0); SUM_LANES];
                    ones.store(lanes.as_mut_ptr());
                    for (lane, ones) in lanes.iter().enumerate().take(count) {
                        *groups.sums[S + k].add(row + i * count + lane) += ones.to_f64();
                    }
                }
            }
        }
    }
}
