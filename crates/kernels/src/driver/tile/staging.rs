//! Staging: tiles that are swept across lie in scratch memory, so that all operands have one stride.

use super::{Tile, View};
use crate::isa::{Element, Lanes, Native, SUM_LANES, Vector};

impl<T: Element> Tile<'_, T> {
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
                transpose(from, classes, (self.rows, classes), view.data, columns);
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
                transpose(view.data, columns, (classes, self.rows), to, classes);
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
}

/// Copies `n` elements, in steps of four: V8 does so with a whole row of a tile in the time that a call of
/// `memory.copy` costs.
#[inline(always)]
pub(super) unsafe fn copy<T: Element>(from: *const T, to: *mut T, n: usize) {
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

/// Writes (rows, columns), whose rows are `stride` apart, with the columns one after the other,
/// `to_stride` apart.
#[inline(never)]
unsafe fn transpose<T: Element>(
    from: *const T,
    stride: usize,
    (rows, columns): (usize, usize),
    to: *mut T,
    to_stride: usize,
) {
    let count = Vector::<Native, T>::COUNT;
    // SAFETY: the caller's elements.
    unsafe {
        if rows.min(columns) < count {
            for column in 0..columns {
                for row in 0..rows {
                    *to.add(column * to_stride + row) = *from.add(row * stride + column);
                }
            }
            return;
        }
        // In square blocks, of which the last overlap those before.
        for row in (0..rows).step_by(count) {
            let row = row.min(rows - count);
            for column in (0..columns).step_by(count) {
                let column = column.min(columns - count);
                let (from, to) = (
                    from.add(row * stride + column),
                    to.add(column * to_stride + row),
                );
                Vector::<Native, T>::transpose(from, stride, to, to_stride);
            }
        }
    }
}
